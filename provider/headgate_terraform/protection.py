"""Refusing, in the plan, to destroy what is protected: before anything else of the same plan is destroyed.

The controller refuses as well, but by then Terraform has destroyed what depends on the resource.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from headgate_terraform.paths import ROOT, Path, Problem
from headgate_terraform.values import Value

FIELD: Final = "deletion_protection"

MARK: Final = b"1"
"""Kept by Terraform beside each resource. In the plan of a new one it says: the second half of a replacement."""

PROTECTED_MARK: Final = b"protected"
"""The same of a resource that is protected."""

_FIX = f"Set {FIELD} = false and apply that; then apply this change."


def mark_of(prior: dict[str, Value]) -> bytes:
    """Return what to keep beside a planned resource, for the second half if it is to be replaced."""
    return PROTECTED_MARK if _protected(prior) else MARK


def refuse_destruction(prior: Value) -> Iterator[Problem]:
    """Yield why a resource cannot be planned to be destroyed."""
    if isinstance(prior, dict) and _protected(prior):
        yield Problem("Protected against deletion", f"{prior['id']} would be destroyed. {_FIX}")


def refuse_replacement(prior: dict[str, Value], forced_by: Iterable[Path]) -> Iterator[Problem]:
    """Yield why a resource cannot be planned to be replaced, at what forces that."""
    if _protected(prior):
        for path in forced_by:
            words = f"{prior['id']} would be destroyed and created anew, since {path} cannot change in place. {_FIX}"
            yield Problem("Protected against deletion", words, path)


def refuse_second_half(prior_private: bytes) -> Iterator[Problem]:
    """Yield why a resource cannot be planned to be created in place of one that was protected."""
    if prior_private == PROTECTED_MARK:
        words = f"The resource would be destroyed and created anew. {_FIX}"
        yield Problem("Protected against deletion", words, ROOT)


def _protected(state: dict[str, Value]) -> bool:
    return state.get(FIELD) is True
