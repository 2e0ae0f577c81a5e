"""What `headgate lint` finds: conditions of every resource, what is not realised, and what lingers."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from headgate.v1 import types_pb2
from headgate_cli.api import Api
from headgate_cli.errors import Status
from headgate_cli.kinds import Kind, resource_of
from headgate_cli.names import PROJECT, shorten
from headgate_cli.refusals import RefusedError
from headgate_cli.resources import list_all
from headgate_cli.waiting import await_realised

INFO, WARNING, ERROR = "info", "warning", "error"
SEVERITIES = {types_pb2.SEVERITY_INFO: INFO, types_pb2.SEVERITY_ERROR: ERROR}
"""How severities read; all others are warnings."""

ORDER = (ERROR, WARNING, INFO)
SETTLE_SECONDS = 5.0
"""How long what changed a moment ago is given to be realised before it is found fault with."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `id` stays the same for as long as it is found; `message` says what to do."""

    id: str
    severity: str
    type: str
    name: str
    message: str

    def values(self) -> dict[str, str]:
        """Return it for programs."""
        return asdict(self)


def listed(api: Api, kinds: Iterable[Kind], project: str) -> list[Any]:
    """Return the resources of a project ("-": of all), and those outside of projects if the caller may see them."""
    found: list[Any] = []
    for kind in kinds:
        try:
            found += list_all(api, kind, project)
        except RefusedError:
            if any(PROJECT in pattern for pattern in kind.patterns):
                raise
    return found


def settled(api: Api, kinds: Iterable[Kind], project: str) -> list[Any]:
    """Return the resources once they are realised, or at last after some seconds."""
    chosen = list(kinds)
    found = listed(api, chosen, project)
    pending = [resource for resource in found if resource.reconciling]
    if not pending:
        return found
    await_realised(api, pending, SETTLE_SECONDS)
    return listed(api, chosen, project)


def findings(resources: Iterable[Any]) -> list[Finding]:
    """Return what there is to find, the worst first, each with an id of its own."""
    found = [finding for resource in resources for finding in _of(resource)]
    return sorted(found, key=lambda finding: (ORDER.index(finding.severity), finding.name, finding.id))


def _of(resource: Any) -> Iterator[Finding]:
    kind = resource_of(resource.DESCRIPTOR).type
    seen: dict[str, int] = {}
    for reason, severity, message in _reasons(resource):
        seen[reason] = seen.get(reason, 0) + 1
        number = f"#{seen[reason]}" if seen[reason] > 1 else ""
        yield Finding(f"{reason}:{resource.name}{number}", severity, kind, resource.name, message)


def _reasons(resource: Any) -> Iterator[tuple[str, str, str]]:
    for condition in resource.status.conditions:
        yield condition.reason, SEVERITIES.get(condition.severity, WARNING), condition.message
    for lag in resource.status.waiting_for if resource.reconciling else ():
        words = f"{shorten(lag.host, '')}: {lag.reason}" if lag.host else lag.reason
        yield "NOT_REALISED", WARNING if lag.host else ERROR, f"{words}. See whether the agent and OVN run there."
    if resource.state == types_pb2.STATE_DELETING:
        text = "It is deleted and still used; `headgate describe` says by whom, and it vanishes with the last of them."
        yield "STILL_USED", INFO, text


def status_of(found: Iterable[Finding]) -> Status:
    """Return the exit status that findings deserve; what is only good to know deserves none."""
    worst = {finding.severity for finding in found}
    if ERROR in worst:
        return Status.FAULTS
    return Status.WARNINGS if WARNING in worst else Status.DONE
