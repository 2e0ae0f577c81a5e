"""A Headgate API in memory, for every kind that has a descriptor: names, references, allocation, conflicts.

It respells what it stores (as the real one does) and chooses what the annotations say the server chooses.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.rpc import error_details_pb2, status_pb2

from headgate.v1 import annotations_pb2, intent_pb2, types_pb2
from headgate_terraform.compiler import rules_of
from headgate_terraform.kinds import Kind, load_kinds
from headgate_terraform.scalars import FORMATS

OUTPUT = annotations_pb2.BEHAVIOR_OUTPUT_ONLY
UNIQUE_FIELDS = ("cidr", "ip", "destination")
SERVER_FIELDS = ("uid", "generation", "etag", "state", "create_time", "update_time")


@dataclass
class Refused(Exception):
    """What the API answers instead."""

    code: grpc.StatusCode
    reason: str
    message: str
    fields: tuple[str, ...] = ()
    passes: bool = False

    def trailer(self) -> tuple[tuple[str, bytes]]:
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        metadata = {"retriable": "true"} if self.passes else {}
        status.details.add().Pack(error_details_pb2.ErrorInfo(reason=self.reason, domain="headgate", metadata=metadata))
        bad = error_details_pb2.BadRequest()
        for path in self.fields:
            bad.field_violations.add(field=path, description=self.message, reason=self.reason)
        if self.fields:
            status.details.add().Pack(bad)
        return (("grpc-status-details-bin", status.SerializeToString()),)


@dataclass
class Backend:
    """The store, and knobs for what a test wants to happen."""

    kinds: dict[str, Kind] = field(default_factory=load_kinds)
    objects: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    lagging: dict[str, str] = field(default_factory=dict)
    page: int = 1_000
    unlisted: set[str] = field(default_factory=set)
    realising: threading.Event | None = None
    refuse: Callable[[str, Any], Refused | None] = lambda _verb, _request: None
    _answered: dict[str, Any] = field(default_factory=dict)
    _counter: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def requested(self, verb: str) -> list[Any]:
        """Return the requests of one verb so far, for example "UpdatePort"."""
        return [request for name, request, _ in self.requests if name == verb]

    def names(self) -> set[str]:
        """Return what exists."""
        return set(self.objects)

    def change(self, name: str, **fields: Any) -> None:
        """Change a resource behind Terraform's back."""
        with self._lock:
            for key, value in fields.items():
                setattr(self.objects[name], key, value)

    # The methods of the API.

    def get(self, _kind: Kind, request: Any) -> Any:
        return self._existing(request.name)

    def list(self, kind: Kind, request: Any) -> Any:
        parent = getattr(request, "parent", "").split("/")
        names = sorted(
            name
            for name, message in self.objects.items()
            if name > request.page_token and name not in self.unlisted and message.state != types_pb2.STATE_DELETING
            if any(p.matches(name) for p in kind.patterns) and _is_below(parent, name)
        )
        page: Any = kind.method("List").response()
        found = getattr(page, page.DESCRIPTOR.fields[0].name)
        found.extend(self.objects[name] for name in names[: self.page])
        if len(names) > self.page:
            page.next_page_token = names[self.page - 1]
        return page

    def create(self, kind: Kind, request: Any) -> Any:
        parent = getattr(request, "parent", "")
        name = "/".join(filter(None, (parent, kind.plural, getattr(request, f"{kind.type}_id"))))
        if not any(p.matches(name) for p in kind.patterns):
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_NAME", f"bad name {name}", ("name",))
        if parent.count("/") > 1 and parent not in self.objects:
            raise Refused(grpc.StatusCode.NOT_FOUND, "PARENT_NOT_FOUND", f"There is no {parent}.", ("parent",))
        held = self.objects.get(name)
        # One on its way out is superseded: its referrers mean the name, and may not let go before the new one is there.
        if held is not None and held.state != types_pb2.STATE_DELETING:
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS", f"There is a {name} already.")
        message = kind.method("Create").response()
        message.CopyFrom(getattr(request, kind.type))
        message.name = name
        self._settle(message, None)
        message.uid, message.generation, message.state = str(uuid.uuid4()), 1, types_pb2.STATE_ACTIVE
        if "iface_id" in message.DESCRIPTOR.fields_by_name:
            message.iface_id = message.uid
        self.objects[name] = message
        return message

    def update(self, kind: Kind, request: Any) -> Any:
        wanted = getattr(request, kind.type)
        prior = self._existing(wanted.name)
        message = type(prior)()
        message.CopyFrom(prior)
        for path in request.update_mask.paths:
            descriptor = message.DESCRIPTOR.fields_by_name[path]
            message.ClearField(path)
            source = type(wanted)()
            source.CopyFrom(wanted)
            for other in wanted.DESCRIPTOR.fields:
                if other.name != path:
                    source.ClearField(other.name)
            message.MergeFrom(source)
            if rules_of(descriptor).immutable and getattr(message, path) != getattr(prior, path):
                raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "IMMUTABLE", f"{path} cannot change", (path,))
        self._settle(message, prior)
        message.generation += 1
        self.objects[wanted.name] = message
        self._sweep()
        return message

    def delete(self, _kind: Kind, request: Any) -> Any:
        message = self._existing(request.name)
        if any(True for _ in self._referrers(request.name)):
            if not request.when_unreferenced:
                raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "IN_USE", f"{request.name} is in use")
            message.state = types_pb2.STATE_DELETING
        else:
            del self.objects[request.name]
            self._sweep()
        return Empty()

    def await_realised(self, request: Any) -> Any:
        if self.realising is not None:
            self.realising.wait(request.deadline.ToMilliseconds() / 1000)
        lags = [types_pb2.HostLag(host=host, reason=reason) for host, reason in self.lagging.items()]
        return intent_pb2.AwaitRealisedResponse(realised=not lags, status=types_pb2.Status(waiting_for=lags))

    # What a server does with a message.

    def _existing(self, name: str) -> Any:
        if name not in self.objects:
            raise Refused(grpc.StatusCode.NOT_FOUND, "NOT_FOUND", f"There is no {name}.")
        return self.objects[name]

    def _settle(self, message: Any, prior: Any) -> None:
        """Respell, check and complete a message in place."""
        self._complete(message, prior)
        for path, target in _references(message):
            held = self.objects.get(target)
            if held is None or held.state == types_pb2.STATE_DELETING:
                raise Refused(
                    grpc.StatusCode.FAILED_PRECONDITION, "REFERENCE_NOT_FOUND", f"There is no {target}.", (path,)
                )
        siblings = [o for n, o in self.objects.items() if n != message.name and _scope(n) == _scope(message.name)]
        for name in UNIQUE_FIELDS:
            value = getattr(message, name, "")
            if value and any(getattr(o, name, "") == value for o in siblings):
                raise Refused(
                    grpc.StatusCode.FAILED_PRECONDITION, "IN_USE", f"{value} is in use.", (name,), passes=True
                )

    def _complete(self, message: Any, prior: Any) -> None:
        same = prior is not None and _configured(message) == _configured(prior)
        for descriptor in message.DESCRIPTOR.fields:
            rules, name = rules_of(descriptor), descriptor.name
            if name in SERVER_FIELDS or rules.volatile:
                continue
            if rules.behavior == OUTPUT and name != "iface_id":
                top = "uid" in message.DESCRIPTOR.fields_by_name
                self._output(message, descriptor, prior if same or (top and prior is not None) else None)
            elif rules.server_chosen and not message.HasField(name):
                if rules.format != annotations_pb2.FORMAT_IPV6:
                    setattr(message, name, self._value(rules))
            elif descriptor.message_type is not None:
                self._complete_nested(message, prior, descriptor)
            elif form := FORMATS.get(rules.format):
                _respell(message, descriptor, form)

    def _complete_nested(self, message: Any, prior: Any, descriptor: FieldDescriptor) -> None:
        content = getattr(message, descriptor.name)
        before = getattr(prior, descriptor.name) if prior is not None else None
        if not descriptor.is_repeated:
            if message.HasField(descriptor.name):
                self._complete(content, before)
        elif not descriptor.message_type.GetOptions().map_entry:
            for entry in content:
                self._complete(entry, None)
        elif descriptor.message_type.fields_by_name["value"].message_type is not None:
            for key in content:
                self._complete(content[key], before[key] if before and key in before else None)

    def _output(self, message: Any, descriptor: FieldDescriptor, prior: Any) -> None:
        message.ClearField(descriptor.name)
        if descriptor.is_repeated:
            getattr(message, descriptor.name).extend(
                getattr(prior, descriptor.name) if prior is not None else [self._value(rules_of(descriptor))]
            )
        else:
            kept = getattr(prior, descriptor.name) if prior is not None else self._value(rules_of(descriptor))
            setattr(message, descriptor.name, kept)

    def _value(self, rules: annotations_pb2.Field) -> str:
        self._counter += 1
        high, low = divmod(self._counter, 250)
        return {
            annotations_pb2.FORMAT_IPV4: f"100.100.{high}.{low + 1}",
            annotations_pb2.FORMAT_MAC: f"0a:00:00:00:{high:02x}:{low:02x}",
        }.get(rules.format, f"chosen-{self._counter}")

    def _referrers(self, name: str) -> Iterator[str]:
        for other, message in self.objects.items():
            if other.startswith(f"{name}/") or any(target == name for _, target in _references(message)):
                yield other

    def _sweep(self) -> None:
        gone = [
            name
            for name, message in self.objects.items()
            if message.state == types_pb2.STATE_DELETING and not any(True for _ in self._referrers(name))
        ]
        for name in gone:
            del self.objects[name]
        if gone:
            self._sweep()

    # The server.

    def serve(self, *endpoints: str) -> grpc.Server:
        """Serve on the endpoints until the returned server is stopped."""
        server = grpc.server(ThreadPoolExecutor(16))
        self.register(server)
        for endpoint in endpoints:
            server.add_insecure_port(endpoint)
        server.start()
        return server

    def register(self, server: grpc.Server) -> None:
        """Add the services to a server."""
        for kind in self.kinds.values():
            verbs = {
                "Get": self.get,
                "List": self.list,
                "Create": self.create,
                "Update": self.update,
                "Delete": self.delete,
            }
            name = kind.message.name
            handlers = {
                kind.method(verb).path.rsplit("/", 1)[1]: self._handler(kind, verb, act) for verb, act in verbs.items()
            }
            package = kind.message.file.package
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(f"{package}.{name}Service", handlers),)
            )
        awaiting = grpc.unary_unary_rpc_method_handler(
            lambda request, _context: self._record("AwaitRealised", request, {}) or self.await_realised(request),
            request_deserializer=intent_pb2.AwaitRealisedRequest.FromString,
            response_serializer=intent_pb2.AwaitRealisedResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("headgate.v1.IntentService", {"AwaitRealised": awaiting}),)
        )

    def _record(self, verb: str, request: Any, metadata: dict[str, str]) -> None:
        self.requests.append((verb, request, metadata))

    def _handler(self, kind: Kind, verb: str, act: Callable[[Kind, Any], Any]) -> grpc.RpcMethodHandler:
        method = kind.method(verb)

        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            with self._lock:
                metadata = dict(context.invocation_metadata()) | {"peer": context.peer()}
                self._record(method.path.rsplit("/", 1)[1], request, metadata)
                try:
                    return self._act(verb, kind, request, act)
                except Refused as refused:
                    context.set_trailing_metadata(refused.trailer())
                    context.abort(refused.code, refused.message)

        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )

    def _act(self, verb: str, kind: Kind, request: Any, act: Callable[[Kind, Any], Any]) -> Any:
        request_id = getattr(request, "request_id", "")
        if request_id and request_id in self._answered:
            return self._answered[request_id]
        if refused := self.refuse(verb, request):
            raise refused
        answer = act(kind, request)
        # A copy: what is stored goes on changing.
        copy = type(answer)()
        copy.CopyFrom(answer)
        if request_id:
            self._answered[request_id] = copy
        return copy


def _scope(name: str) -> str:
    return name.rsplit("/", 1)[0]


def _is_below(parent: list[str], name: str) -> bool:
    above = name.split("/")[:-2] or [""]
    return len(above) == len(parent) and all(want in ("-", part) for want, part in zip(parent, above, strict=True))


def _configured(message: Any) -> dict[str, Any]:
    return {d.name: str(v) for d, v in message.ListFields() if rules_of(d).behavior != OUTPUT}


def _references(message: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for descriptor, content in message.ListFields():
        rules, here = rules_of(descriptor), f"{path}{descriptor.name}"
        if rules.references and rules.behavior != OUTPUT:
            yield here, content
        elif descriptor.message_type is None or descriptor.message_type.file.package == "google.protobuf":
            continue
        elif not descriptor.is_repeated:
            yield from _references(content, f"{here}.")
        elif not descriptor.message_type.GetOptions().map_entry:
            for i, entry in enumerate(content):
                yield from _references(entry, f"{here}[{i}].")
        elif descriptor.message_type.fields_by_name["value"].message_type is not None:
            for key in content:
                yield from _references(content[key], f"{here}[{key}].")


def _respell(message: Any, descriptor: FieldDescriptor, form: Callable[[str], str]) -> None:
    content = getattr(message, descriptor.name)
    if descriptor.is_repeated:
        content[:] = [form(entry) for entry in content]
    elif message.HasField(descriptor.name) if descriptor.has_presence else content:
        setattr(message, descriptor.name, form(content))
