"""What `apply --prune` deletes: what carries a label, lies in a project of the files, and is in none of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from headgate.v1 import types_pb2
from headgate_cli.api import Api
from headgate_cli.documents import Fault
from headgate_cli.errors import CliError, Status
from headgate_cli.kinds import Kind
from headgate_cli.manifests import Manifest
from headgate_cli.names import PROJECT
from headgate_cli.ordering import in_order
from headgate_cli.planning import refuse
from headgate_cli.resources import list_all
from headgate_cli.selection import label_filter


def prunable(api: Api, kinds: Mapping[str, Kind], manifests: Sequence[Manifest], label: str) -> list[Any]:
    """Return what the files no longer hold, those first that need others.

    Raises:
        CliError: the label is none, or the files hold nothing, or something without the label: then nobody could tell
            what was theirs.
    """
    key, _, value = label.partition("=")
    if not key or not value:
        raise CliError(f'--prune wants a label as "key=value", not {label!r}.', Status.USAGE)
    if not manifests:
        raise CliError("Nothing was changed: the files hold nothing, and --prune would delete all that have the label.")
    text = f"It lacks the label {label}, by which --prune knows what belongs to these files; add it."
    refuse([Fault(m.place_of("labels"), text) for m in manifests if m.message.labels.get(key) != value])
    kept = {manifest.name for manifest in manifests}
    found = [r for r in _labelled(api, kinds, manifests, label) if r.name not in kept]
    return in_order(found)[::-1]


def _labelled(api: Api, kinds: Mapping[str, Kind], manifests: Sequence[Manifest], label: str) -> list[Any]:
    projects = sorted({m.name.split("/")[1] for m in manifests if m.name.startswith("projects/")})
    within = [kind for kind in kinds.values() if any(PROJECT in pattern for pattern in kind.patterns)]
    wanted = label_filter([label])
    found = (r for project in projects for kind in within for r in list_all(api, kind, project, wanted))
    return [resource for resource in found if resource.state != types_pb2.STATE_DELETING]
