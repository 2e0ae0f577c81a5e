"""What Terraform asks of a resource, as calls of the API: read, create, update, delete, import."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from headgate.v1 import types_pb2
from headgate_common.refusals import read_refusal
from headgate_terraform.client import Client
from headgate_terraform.conversion import extract, fill
from headgate_terraform.interruption import InterruptedByUserError
from headgate_terraform.kinds import Kind
from headgate_terraform.names import split
from headgate_terraform.paths import Problem
from headgate_terraform.patience import Attempt, Patience
from headgate_terraform.planning import changed_fields
from headgate_terraform.prefetch import Prefetch
from headgate_terraform.realisation import await_realised
from headgate_terraform.refusals import explain, passes
from headgate_terraform.secrets import with_secrets
from headgate_terraform.settings import Settings
from headgate_terraform.timeouts import timeout_seconds
from headgate_terraform.values import UNKNOWN, Value

CONFLICT_SECONDS = 15.0
"""How long a change waits for another resource of the same apply to let go of what it needs: an address, a CIDR."""

STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state after an operation (None: there is no such resource) and what there is to say about it."""

    state: Value
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change that is to be made: of what, how, until when (monotonic), and the state if it is refused."""

    kind: Kind
    name: str
    mutate: Callable[[], Awaitable[Any]]
    planned: dict[str, Value]
    until: float
    on_failure: Value


class Resources:
    """The operations on resources of any kind, through one provider block."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._patience = Patience()
        self._prefetch = Prefetch(client)

    async def read(self, kind: Kind, state: dict[str, Value]) -> Outcome:
        """Return the resource as it is, spelled as in `state`; one that is on its way out counts as gone.

        A failure leaves the state as it was.
        """
        try:
            message = await self._prefetch.find(kind, state["id"]) or await self._get(kind, state["id"])
        except grpc.aio.AioRpcError as error:
            return Outcome(state, list(explain(kind, state["id"], read_refusal(error))))
        return Outcome(None if message is None else state_of(kind, message, state))

    async def create(self, kind: Kind, planned: dict[str, Value], config: dict[str, Value]) -> Outcome:
        """Create a resource and wait for it. A refusal leaves nothing behind."""
        name = kind.compose(planned, self._settings.project)
        method = kind.method("Create")
        request: Any = method.request()
        parent, request_id = split(name)
        if "parent" in method.request.DESCRIPTOR.fields_by_name:
            request.parent = parent
        setattr(request, f"{kind.type}_id", request_id)
        fill(getattr(request, kind.type), kind.shape, with_secrets(kind.shape, planned, config, None))
        until = self._deadline(planned, "create")
        mutate = partial(self._mutate, method, request, until)
        return await self._change(
            Change(kind=kind, name=name, mutate=mutate, planned=planned, until=until, on_failure=None)
        )

    async def update(
        self, kind: Kind, prior: dict[str, Value], planned: dict[str, Value], config: dict[str, Value]
    ) -> Outcome:
        """Change what differs and wait for it. A refusal leaves the resource as it was."""
        method = kind.method("Update")
        request: Any = method.request()
        resource = getattr(request, kind.type)
        fill(resource, kind.shape, with_secrets(kind.shape, planned, config, prior))
        resource.name = prior["id"]
        changed = changed_fields(kind.shape, prior, planned)
        if not changed:
            return Outcome(planned)  # only what is Terraform's own: an empty mask would mean every field
        request.update_mask.paths.extend(changed)
        until = self._deadline(planned, "update")
        mutate = partial(self._mutate, method, request, until)
        outcome = await self._change(
            Change(kind=kind, name=prior["id"], mutate=mutate, planned=planned, until=until, on_failure=prior)
        )
        # What others changed since is the next plan's to show; in this state Terraform would call it a fault of ours.
        untouched = {name: value for name, value in planned.items() if value == prior[name]}
        return replace(outcome, state={**outcome.state, **untouched})

    async def delete(self, kind: Kind, prior: dict[str, Value]) -> Outcome:
        """Delete a resource, or let it vanish with its last referrer.

        Terraform destroys a dependency before the update that drops the reference to it: waiting for that here would
        wait for ever.
        """
        method = kind.method("Delete")
        request: Any = method.request(name=prior["id"], when_unreferenced=True, request_id=new_request_id())
        try:
            with self._changing():
                await self._client.call(method, request, until=self._deadline(prior, "delete"))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                return Outcome(prior, list(explain(kind, prior["id"], read_refusal(error))))
        except InterruptedByUserError:
            return Outcome(prior, [Problem(STOPPED, f"It is not known whether {prior['id']} is deleted.")])
        return Outcome(None)

    async def fetch(self, kind: Kind, name: str) -> Outcome:
        """Return the state of a resource that Terraform does not know yet."""
        if not any(pattern.matches(name) for pattern in kind.patterns):
            forms = " or ".join(p.text for p in kind.patterns)
            return Outcome(
                None, [Problem("Invalid id", f'"{name}" is not the id of a {kind.terraform_type}: {forms}.')]
            )
        try:
            message = await self._get(kind, name)
        except grpc.aio.AioRpcError as error:
            return Outcome(None, list(explain(kind, name, read_refusal(error))))
        if message is None:
            return Outcome(None, [Problem("Not found", f"There is no {name}.")])
        return Outcome(state_of(kind, message, None))

    async def _get(self, kind: Kind, name: str) -> Message | None:
        method = kind.method("Get")
        request: Any = method.request(name=name)
        try:
            message: Any = await self._client.call(method, request, until=self._deadline(), grace=0)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        return None if _is_deleting(message) else message

    async def _change(self, change: Change) -> Outcome:
        """Make one change, patiently, and wait until the network is as intended."""
        with self._changing() as attempt:
            return await self._attempt(attempt, change)

    @contextmanager
    def _changing(self) -> Iterator[Attempt]:
        """Count one change while the body runs; what was listed before its end holds no longer."""
        self._prefetch.forget()
        try:
            with self._patience.change() as attempt:
                yield attempt
        finally:
            self._prefetch.forget()

    async def _attempt(self, attempt: Attempt, change: Change) -> Outcome:
        try:
            message = await self._client.persist(
                change.mutate,
                until=min(change.until, time.monotonic() + CONFLICT_SECONDS),
                retry_if=lambda error: _passes(error) and not attempt.hopeless,
            )
        except grpc.aio.AioRpcError as error:
            return Outcome(change.on_failure, list(explain(change.kind, change.name, read_refusal(error))))
        except InterruptedByUserError:
            hint = f"It is not known whether the change of {change.name} was made; the next plan will tell."
            return Outcome(change.on_failure, [Problem(STOPPED, hint)])
        warnings = await await_realised(self._client, message, until=change.until) if self._settings.wait else []
        return Outcome(state_of(change.kind, message, change.planned), warnings)

    async def _mutate(self, method: Any, request: Any, until: float) -> Any:
        # Each attempt after a conflict is a new request; what was not answered is repeated under the same id.
        request.request_id = new_request_id()
        return await self._client.call(method, request, until=until)

    def _deadline(self, state: dict[str, Value] | None = None, verb: str = "") -> float:
        own = timeout_seconds(state, verb) if state else None
        return time.monotonic() + (self._settings.deadline if own is None else own)


def state_of(kind: Kind, message: Any, reference: Value) -> dict[str, Value]:
    """Return a resource's state from the API's message, spelled as in the planned or prior object `reference`."""
    return {**extract(message, kind.shape, reference), **kind.identity(message.name)}


def plan_id(kind: Kind, config: dict[str, Value], project: Value) -> Value:
    """Return the id of a resource to be created, unknown as long as part of it is."""
    parts = [config["name"]]
    if kind.parent:
        parts.append(config[kind.parent])
    if kind.in_project and (not kind.parent or config[kind.parent] is None):
        parts.append(project)
    return UNKNOWN if UNKNOWN in parts else kind.compose(config, project)


def new_request_id() -> str:
    """Return a UUID by which a request is known if it arrives again."""
    # What only plans does not import it; with it comes `platform`, which asks what machine this is.
    import uuid

    return str(uuid.uuid4())


def _is_deleting(message: Any) -> bool:
    return bool(message.state == types_pb2.STATE_DELETING)


def _passes(error: BaseException) -> bool:
    return isinstance(error, grpc.aio.AioRpcError) and passes(read_refusal(error))
