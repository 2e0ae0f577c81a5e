"""What the API refuses, and how a user is told: at the attribute, with the reason and what to do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import grpc

from headgate_terraform.attributes import Object
from headgate_terraform.kinds import Kind
from headgate_terraform.paths import ROOT, Path, Problem, parse_field_path


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field of a request, as the API puts it."""

    field: str
    reason: str
    description: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of the API: its code, its words and its details."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether another resource holds what was asked for and may let go of it in the same apply."""
        return self.metadata.get("retriable") == "true"


def read_refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """Return what a failed call says."""
    packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    if not isinstance(packed, bytes):
        return Refusal(error.code(), error.details() or "")
    # Only the unlucky pay for the import.
    from google.rpc import error_details_pb2, status_pb2

    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status_pb2.Status.FromString(packed).details:
        detail.Unpack(info)
        detail.Unpack(bad)
    # Older releases of googleapis-common-protos know no reason of a single violation.
    violations = tuple(Violation(v.field, getattr(v, "reason", ""), v.description) for v in bad.field_violations)
    return Refusal(error.code(), error.details() or "", info.reason, dict(info.metadata), violations)


def explain(kind: Kind, name: str, refusal: Refusal, shape: Object | None = None) -> Iterator[Problem]:
    """Yield the problems of a refused request about the resource `name`, one for each violation.

    `shape` is that of the configuration where it is not the kind's own.
    """
    if refusal.code is grpc.StatusCode.ALREADY_EXISTS and not refusal.passes:
        yield _exists(kind, name, refusal)
        return
    for violation in refusal.violations:
        reason = violation.reason or refusal.reason
        yield Problem(
            _title(reason, refusal.code),
            _words(violation.description, name, reason),
            _place(kind, violation.field, shape or kind.shape),
        )
    if not refusal.violations:
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


def _words(description: str, name: str, reason: str) -> str:
    source = f"{name}: {reason}" if reason else name
    return f"{description or 'The controller gave no explanation.'}\n\n({source})"


def _place(kind: Kind, field_path: str, shape: Object) -> Path:
    if field_path == "parent":
        return Path((kind.parent,)) if kind.parent else ROOT
    if field_path == f"{kind.type}_id":
        return Path(("name",))
    return parse_field_path(field_path, shape)
