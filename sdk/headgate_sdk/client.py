"""Client: resources by name, typed by their messages."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from headgate.v1 import intent_pb2
from headgate_common.methods import Method
from headgate_sdk import watching
from headgate_sdk.connection import Connection
from headgate_sdk.errors import NotRealisedError
from headgate_sdk.kinds import method, resource_of, unpacked

R = TypeVar("R", bound=Message)

PAGE = 1000
BATCH = Method("/headgate.v1.IntentService/Batch", intent_pb2.BatchRequest, intent_pb2.BatchResponse)
AWAIT = Method(
    "/headgate.v1.IntentService/AwaitRealised", intent_pb2.AwaitRealisedRequest, intent_pb2.AwaitRealisedResponse
)
GRACE_SECONDS = 5.0
"""How much longer than a wait on the controller the call itself may take."""


class Client:
    """A site's API. Resources are messages of headgate.v1, which know their kind; `name` is always the full name.

    Every change returns once it is on the controller's disk, and is made once, however often it had to be sent. Each
    method raises RefusedError if the controller says no, and UnreachableError if none answers within `seconds`.
    """

    def __init__(
        self, endpoints: Sequence[str] = (), *, token: str = "", ca_file: str = "", seconds: float = 30.0
    ) -> None:
        self._connection = Connection(endpoints, token=token, ca_file=ca_file)
        self._seconds = seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def get(self, kind: type[R], name: str) -> R:
        """Return one resource.

        Raises:
            NotFoundError: there is none of that name.
        """
        found: R = self._call(kind, "Get", name=name)
        return found

    def list(self, kind: type[R], parent: str = "", *, filter: str = "", show_deleting: bool = False) -> Iterator[R]:  # noqa: A002 (the API's word)
        """Yield all resources of a kind below a parent, by name, page after page; "-" for an id stands for any.

        `filter` is equalities joined by AND: `labels.tier = "front"`.
        """
        fields: dict[str, Any] = {"page_size": PAGE, "filter": filter, "show_deleting": show_deleting}
        fields |= {"parent": parent} if parent else {}
        page = self._call(kind, "List", **fields)
        while True:
            yield from getattr(page, page.DESCRIPTOR.fields[0].name)
            if not page.next_page_token:
                return
            page = self._call(kind, "List", **fields, page_token=page.next_page_token)

    def create(self, resource: R, *, validate_only: bool = False) -> R:
        """Create a resource and return it with everything that the platform chose.

        Raises:
            AlreadyExistsError: the name is taken. InvalidError: it breaks rules; every fault is told.
            TypeError: the message is no resource.
        """
        type_ = resource_of(resource.DESCRIPTOR).type
        *parent, _, id_ = _name(resource).split("/")
        fields: dict[str, Any] = {f"{type_}_id": id_, type_: resource, "validate_only": validate_only}
        fields |= {"parent": "/".join(parent)} if parent else {}
        made: R = self._call(type(resource), "Create", request_id=str(uuid.uuid4()), **fields)
        return made

    def create_and_wait(self, resource: R, *, seconds: float = 60.0) -> R:
        """Create a resource and return it once the network is as intended.

        Raises:
            NotRealisedError: it is stored, but some hosts have not followed within `seconds`. Others as `create`.
        """
        made = self.create(resource)
        self.wait(_name(made), seconds=seconds)
        return self.get(type(made), _name(made))

    def update(self, resource: R, *fields: str, validate_only: bool = False) -> R:
        """Change a resource and return it: the fields named, "*" for all of them, or, if none is named, those that are
        set. An `etag` in the resource refuses the change of something not seen.
        """
        type_ = resource_of(resource.DESCRIPTOR).type
        request = {type_: resource, "update_mask": FieldMask(paths=fields), "validate_only": validate_only}
        changed: R = self._call(type(resource), "Update", request_id=str(uuid.uuid4()), **request)
        return changed

    def delete(self, name: str, *, when_unreferenced: bool = False, etag: str = "") -> None:
        """Delete a resource; with `when_unreferenced`, one that others use vanishes with the last of them.

        Raises:
            RefusedError: others use it; `metadata["referrers"]` names them.
        """
        self.batch(deletion(name, when_unreferenced=when_unreferenced, etag=etag))

    def batch(self, *mutations: intent_pb2.Mutation, validate_only: bool = False) -> list[Any]:  # type: ignore[valid-type]
        """Apply mutations in order, all or none; return each resource after it, None for one that is gone.

        `creation`, `update` and `deletion` make them.
        """
        request = intent_pb2.BatchRequest(
            mutations=mutations, validate_only=validate_only, request_id=str(uuid.uuid4())
        )
        answer = self._connection.call(BATCH, request, self._seconds)
        return [unpacked(packed) if packed.type_url else None for packed in answer.resources]

    def wait(self, name: str, *, generation: int = 0, seconds: float = 60.0) -> None:
        """Return once the network is as a resource's generation (0: the present one) intends.

        Raises:
            NotRealisedError: it is not within `seconds`.
        """
        request = intent_pb2.AwaitRealisedRequest(name=name, generation=generation)
        request.deadline.FromNanoseconds(int(seconds * 1e9))
        answer = self._connection.call(AWAIT, request, seconds + GRACE_SECONDS)
        if not answer.realised:
            status = answer.status
            lags = {lag.host: lag.reason for lag in status.waiting_for}
            raise NotRealisedError(name, lags, {c.reason: c.message for c in status.conditions})

    def watch(
        self, prefix: str = "", *, types: Sequence[str] = (), after: int = 0
    ) -> Iterator[watching.Change | watching.CaughtUp]:
        """Yield every change after a revision (0: all that there is first), for ever.

        While no controller answers it waits, then goes on where it was. `CaughtUp` says that nothing more is known for
        now. A restart in the middle of what there is at first begins that anew. So does a watch from 0 that was away
        for longer than the log reaches back, or over a restored backup: what is gone by then is told before `CaughtUp`.

        Raises:
            RefusedError: the log reaches no longer back to `after`; begin again with 0.
        """
        return watching.watch(self._connection, prefix, types, after)

    def _call(self, kind: type[Message], verb: str, **fields: Any) -> Any:
        found = method(kind.DESCRIPTOR, verb)
        return self._connection.call(found, found.request(**fields), self._seconds)


def creation(resource: Message) -> intent_pb2.Mutation:
    """Return the mutation that creates a resource."""
    return intent_pb2.Mutation(create=_packed(resource))


def update(resource: Message, *fields: str) -> intent_pb2.Mutation:
    """Return the mutation that changes a resource; `fields` as in `Client.update`."""
    mask = FieldMask(paths=fields)
    return intent_pb2.Mutation(update=intent_pb2.UpdateMutation(resource=_packed(resource), update_mask=mask))


def deletion(name: str, *, when_unreferenced: bool = False, etag: str = "") -> intent_pb2.Mutation:
    """Return the mutation that deletes a resource."""
    delete = intent_pb2.DeleteMutation(name=name, when_unreferenced=when_unreferenced, etag=etag)
    return intent_pb2.Mutation(delete=delete)


def _packed(resource: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(resource)
    return packed


def _name(resource: Any) -> str:
    return str(resource.name)
