"""What the API refuses, and how a user is told: at the attribute, with the reason and what to do."""

from collections.abc import Iterator

import grpc

from headgate_common.refusals import Refusal
from headgate_terraform.attributes import Object
from headgate_terraform.kinds import Kind
from headgate_terraform.paths import ROOT, Path, Problem, parse_field_path


def passes(refusal: Refusal) -> bool:
    """Return whether another resource holds what was asked for and may let go of it in the same apply."""
    return refusal.metadata.get("retriable") == "true"


def explain(kind: Kind, name: str, refusal: Refusal, shape: Object | None = None) -> Iterator[Problem]:
    """Yield the problems of a refused request about the resource `name`, one for each fault.

    `shape` is that of the configuration where it is not the kind's own.
    """
    if refusal.code is grpc.StatusCode.ALREADY_EXISTS and not passes(refusal):
        yield _exists(kind, name, refusal)
        return
    for fault in refusal.faults:
        reason = fault.reason or refusal.reason
        yield Problem(
            _title(reason, refusal.code),
            _words(fault.text, name, reason),
            _place(kind, fault.field, shape or kind.shape),
        )
    if not refusal.faults:
        yield Problem(_title(refusal.reason, refusal.code), _words(refusal.message, name, refusal.reason))


def _exists(kind: Kind, name: str, refusal: Refusal) -> Problem:
    return Problem(
        "It exists already",
        f"{refusal.message or name + ' exists already.'}\n\n"
        "To manage it with this configuration, run (with its own address):\n\n"
        f"  terraform import {kind.terraform_type}.{name.rsplit('/', 1)[-1]} {name}",
        Path(("name",)),
    )


def _title(reason: str, code: grpc.StatusCode) -> str:
    return (reason or code.name).replace("_", " ").capitalize()


def _words(text: str, name: str, reason: str) -> str:
    source = f"{name}: {reason}" if reason else name
    return f"{text or 'The controller gave no explanation.'}\n\n({source})"


def _place(kind: Kind, field_path: str, shape: Object) -> Path:
    if field_path == "parent":
        return Path((kind.parent,)) if kind.parent else ROOT
    if field_path == f"{kind.type}_id":
        return Path(("name",))
    return parse_field_path(field_path, shape)
