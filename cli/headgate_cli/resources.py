"""Resources of any kind, as the API has them: found by name, listed, and all at one revision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from headgate.v1 import intent_pb2
from headgate_cli.api import Api
from headgate_cli.errors import CliError, NotFoundError, Status
from headgate_cli.kinds import Kind, intent_method
from headgate_cli.names import PROJECT, ends_with, expand, is_full, parents
from headgate_cli.refusals import REFERRERS, RefusedError

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Resources as they all were at one revision, in the order of their names."""

    resources: tuple[Any, ...]
    revision: int


def list_all(api: Api, kind: Kind, project: str, filter_text: str = "") -> Iterator[Any]:
    """Yield every resource of a kind in a project ("-": in all), page by page, those on their way out too."""
    method = kind.method("List")
    wanted = {"page_size": PAGE, "show_deleting": True} | ({"filter": filter_text} if filter_text else {})
    for parent in parents(kind.patterns, project):
        fields: dict[str, Any] = wanted | ({"parent": parent} if parent else {})
        token = None
        while token != "":
            page = api.call(method, method.request(**fields, page_token=token or ""))
            yield from getattr(page, page.DESCRIPTOR.fields[0].name)
            token = page.next_page_token


def get_one(api: Api, kind: Kind, name: str) -> Any:
    """Return the resource of a full name.

    Raises:
        NotFoundError: there is none.
    """
    method = kind.method("Get")
    request: Any = method.request
    return api.call(method, request(name=name))


def find(api: Api, kind: Kind, project: str, name: str) -> Any:
    """Return the one resource of a kind that a full or short name means.

    Raises:
        CliError: there is none, or a short name means several.
    """
    if is_full(kind.patterns, name):
        return get_one(api, kind, name)
    for candidate in expand(kind.patterns, project, name):
        try:
            return get_one(api, kind, candidate)
        except NotFoundError:
            continue
    found = [resource for resource in list_all(api, kind, project) if ends_with(resource.name, name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise CliError(f"{name} could be any of {', '.join(r.name for r in found)}; write more of it.", Status.USAGE)
    if not any(PROJECT in pattern for pattern in kind.patterns):
        raise NotFoundError(f"There is no {kind.type} {name}; headgate get {kind.plural} lists all.")
    raise NotFoundError(f"There is no {kind.type} {name} in project {project}; -p or HEADGATE_PROJECT name another.")


def users_of(api: Api, kind: Kind, name: str) -> list[str]:
    """Return who uses a resource: whom a deletion, which is only tried and never done, would name."""
    method = kind.method("Delete")
    assert "validate_only" in method.request.DESCRIPTOR.fields_by_name, "every Delete can be tried"
    request: Any = method.request
    try:
        api.call(method, request(name=name, validate_only=True))
    except RefusedError as refusal:
        return [user for user in refusal.metadata.get(REFERRERS, "").split(",") if user]
    return []


def snapshot(api: Api, kinds: Mapping[str, Kind], prefix: str = "", types: Sequence[str] = ()) -> Snapshot:
    """Return every resource whose name begins with `prefix`, of these types or of all, at one revision.

    What the data plane has made of them may be out of date: only reading or listing resources has it asked.
    """
    request = intent_pb2.WatchRequest(name_prefix=prefix, types=types)
    found: list[Any] = []
    answers = api.stream(intent_method("Watch"), request)
    for answer in answers:
        if not answer.name:
            return Snapshot(tuple(found), answer.revision)
        found.append(unpacked(kinds, answer.resource))
    raise CliError("The controller ended the answer before it was whole; try again.")


def unpacked(kinds: Mapping[str, Kind], packed: Any) -> Any:
    """Return the resource in an `Any`.

    Raises:
        CliError: it is of a kind that is not known here.
    """
    for kind in kinds.values():
        if packed.TypeName() == kind.message.full_name:
            return GetMessageClass(kind.message).FromString(packed.value)
    raise CliError(
        f"The controller has resources of a kind that is not known here, {packed.TypeName()}: name its module in "
        "HEADGATE_EXTRA_PROTOS, or install the version of headgate that the controller has."
    )
