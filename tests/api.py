"""The API as tests use it: resources by name, fields as keyword arguments, the kind found from the name."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

import headgate.v1
from headgate.v1 import annotations_pb2, diagnosis_pb2, intent_pb2, intent_pb2_grpc

Refusal = tuple[str, str]
"""Field path and reason."""


class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor):  # type: ignore[misc]
    """Sends a token with every call."""

    def __init__(self, token: str) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),)

    def _sent(self, proceed: Any, details: Any, request: Any) -> Any:
        return proceed(details._replace(metadata=(*(details.metadata or ()), *self._metadata)), request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = _sent


class Api:
    """A client of one controller, which knows kinds of its own besides; errors are raised as grpc.RpcError."""

    def __init__(
        self, endpoint: str, *own: Descriptor, token: str = "", credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        plain = grpc.insecure_channel(endpoint) if credentials is None else grpc.secure_channel(endpoint, credentials)
        self.channel = grpc.intercept_channel(plain, Bearer(token)) if token else plain
        self._plain = plain
        self.intent = intent_pb2_grpc.IntentServiceStub(self.channel)
        self._kinds = {_resource(d).plural: d for d in (*_kinds(), *own)}

    def close(self) -> None:
        """End the connection."""
        self._plain.close()

    def call(self, descriptor: Descriptor, verb: str, **fields: Any) -> Any:
        """Call the standard method of a kind and return its answer."""
        service = descriptor.file.services_by_name[f"{descriptor.name}Service"]
        method = next(m for m in service.methods if m.name.startswith(verb))
        request = message_factory.GetMessageClass(method.input_type)
        answer = message_factory.GetMessageClass(method.output_type)
        stub = self.channel.unary_unary(
            f"/{service.full_name}/{method.name}", request.SerializeToString, answer.FromString
        )
        return stub(request(**fields), timeout=30, wait_for_ready=True)

    def kind(self, name: str) -> Descriptor:
        """Return the kind that a resource name is of."""
        return self._kinds[name.split("/")[-2]]

    def create(self, name: str, **fields: Any) -> Any:
        """Create a resource; fields as in JSON."""
        descriptor = self.kind(name)
        type_ = _resource(descriptor).type
        *parent, _, id_ = name.split("/")
        where = {"parent": "/".join(parent)} if parent else {}
        message = ParseDict(fields, message_factory.GetMessageClass(descriptor)())
        return self.call(descriptor, "Create", **where, **{f"{type_}_id": id_, type_: message})

    def update(self, name: str, **fields: Any) -> Any:
        """Update the fields of a resource."""
        descriptor = self.kind(name)
        message = ParseDict({"name": name, **fields}, message_factory.GetMessageClass(descriptor)())
        mask = FieldMask(paths=list(fields))
        return self.call(descriptor, "Update", **{_resource(descriptor).type: message, "update_mask": mask})

    def get(self, name: str) -> Any:
        """Return a resource."""
        return self.call(self.kind(name), "Get", name=name)

    def delete(self, name: str, *, when_unreferenced: bool = False) -> None:
        """Delete a resource."""
        self.call(self.kind(name), "Delete", name=name, when_unreferenced=when_unreferenced)

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names of all resources that begin with `prefix`."""
        for response in self.intent.Watch(intent_pb2.WatchRequest(name_prefix=prefix), timeout=30, wait_for_ready=True):
            if not response.name:
                return
            yield response.name

    def realised(self, name: str, seconds: int = 20) -> Any:
        """Return what AwaitRealised answers."""
        request = intent_pb2.AwaitRealisedRequest(name=name)
        request.deadline.seconds = seconds
        return self.intent.AwaitRealised(request, timeout=seconds + 10, wait_for_ready=True)

    def unprotect(self, prefix: str) -> None:
        """Lift the protection against deletion of all resources of known kinds whose names begin with `prefix`."""
        for response in self.intent.Watch(intent_pb2.WatchRequest(name_prefix=prefix), timeout=30):
            if not response.name:
                return
            kind = self._kinds.get(response.name.split("/")[-2])
            resource: Any = message_factory.GetMessageClass(kind).FromString(response.resource.value) if kind else None
            if resource and resource.deletion_protection:
                self.update(response.name, deletion_protection=False)

    def clear(self, project: str) -> None:
        """Delete everything in a project at once, protected or not."""
        self.unprotect(f"projects/{project}/")
        mutations = [
            intent_pb2.Mutation(delete=intent_pb2.DeleteMutation(name=name, when_unreferenced=True))
            for name in sorted(self.names(f"projects/{project}/"), key=lambda name: (-name.count("/"), name))
        ]
        if mutations:
            self.intent.Batch(intent_pb2.BatchRequest(mutations=mutations), timeout=30, wait_for_ready=True)


def refusals(error: grpc.RpcError) -> set[Refusal]:
    """Return (field, reason) of every fault that an error names."""
    return {(v.field, v.reason) for v in _detail(error, BadRequest).field_violations}


def reason(error: grpc.RpcError) -> str:
    """Return the reason that an error gives."""
    return str(_detail(error, ErrorInfo).reason)


def findings(api: Api, check: str) -> list[str]:
    """Return what the doctor finds of one thing, each with its fix."""
    request, answer = diagnosis_pb2.GetDiagnosisRequest, diagnosis_pb2.GetDiagnosisResponse
    method = "/headgate.v1.DiagnosisService/GetDiagnosis"
    stub = api.channel.unary_unary(method, request.SerializeToString, answer.FromString)
    found = stub(request(), timeout=30, wait_for_ready=True).findings
    return [f"{finding.text}. {finding.fix}" for finding in found if finding.check == check]


def _detail(error: Any, kind: Any) -> Any:
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    for packed in Status.FromString(details).details:
        found = kind()
        if packed.Unpack(found):
            return found
    raise AssertionError(f"no {kind.DESCRIPTOR.name} in {error}")


def _resource(descriptor: Descriptor) -> Any:
    return descriptor.GetOptions().Extensions[annotations_pb2.resource]


def _kinds() -> Iterator[Descriptor]:
    for module in pkgutil.iter_modules(headgate.v1.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"headgate.v1.{module.name}").DESCRIPTOR
            yield from (m for m in file.message_types_by_name.values() if _resource(m).type)
