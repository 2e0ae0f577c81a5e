"""Requests at random, from a seed: resources of every kind created, changed and deleted, alone and in batches.

What a load believes to be there is a hint only: a request that is refused is as good as any other.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from headgate.v1 import intent_pb2
from headgate_controller.kinds import registry
from headgate_controller.schema import Schema

SCHEMA = Schema(registry.load())
BATCH = "/headgate.v1.IntentService/Batch"
PROJECT = "projects/load"
INTERNET = f"{PROJECT}/subnets/internet"
HOSTS = ("hosts/h1", "hosts/h2", "hosts/h3")
MOST = 60
"""Resources above which more are deleted than created."""

EXTERNAL = {
    "vlan": {"physicalNetwork": "provider", "id": 200},
    "cidr": "203.0.113.0/24",
    "gateway": "203.0.113.1",
    "pools": [{"start": "203.0.113.10", "end": "203.0.113.99"}],
    "external": {"mode": "MODE_NAT"},
}
Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it goes over the wire; all of `names` differ after it, whatever they were before."""

    method: str
    message: Any
    names: tuple[str, ...]
    gone: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its request_id."""
        return str(self.message.request_id)

    def nouns(self, answer: bytes) -> tuple[Any, ...]:
        """Return the resources of an answer, without what is only observed."""
        service, method = self.method.removeprefix("/").split("/")
        descriptor = self.message.DESCRIPTOR.file.pool.FindServiceByName(service).methods_by_name[method]
        return nouns_of(GetMessageClass(descriptor.output_type).FromString(answer))


def nouns_of(answer: Any) -> tuple[Any, ...]:
    """Return the resources of an answer, None for those that are gone; a deletion alone is answered with nothing."""
    match answer.DESCRIPTOR.name:
        case "BatchResponse":
            return tuple(_noun(packed) for packed in answer.resources)
        case "Empty":
            return ()
    return (SCHEMA.codecs[answer.DESCRIPTOR.full_name].from_store(answer),)


def _noun(packed: Any) -> Any:
    if not packed.type_url:
        return None
    codec = SCHEMA.codecs[packed.TypeName()]
    return codec.from_store(codec.message.FromString(packed.value))


@dataclass(slots=True)
class Load:
    """A client's requests; `mark` begins the ids of what it creates."""

    chance: Random
    mark: str
    there: dict[str, None] = field(default_factory=dict)
    number: int = 0

    def first(self) -> Sent:
        """Return the creation of what much of the rest refers to."""
        return self._alone(self._create(INTERNET, EXTERNAL))

    def next(self) -> Sent:
        """Return a request."""
        if self.chance.random() < 0.3:
            kinds = (self._changes, self._exchange, *(() if self._crowded else (self._network,)))
            return self._batch(self.chance.choice(kinds)())
        return self._alone(self._mutation())

    def answered(self, sent: Sent, *, refused: bool) -> None:
        """Take in what became of a request."""
        if refused and self._crowded and len(sent.names) == 1:
            # It is not there: for what is used, a deletion is not refused now.
            for name in sent.gone:
                self.there.pop(name, None)
        if not refused:
            self.there.update(dict.fromkeys(sent.names))
            for name in sent.gone:
                self.there.pop(name, None)

    def _mutation(self) -> intent_pb2.Mutation:
        roll = self.chance.random()
        if roll < (0.1 if self._crowded else 0.5) or not self.there:
            return self._creation()
        return self._update(self._one()) if roll < (0.5 if self._crowded else 0.7) else self._delete(self._one())

    @property
    def _crowded(self) -> bool:
        return len(self.there) > MOST

    def _creation(self) -> intent_pb2.Mutation:
        kinds = (self._vpc, self._subnet, self._subnet, self._port, self._port, self._port, self._route, self._floating)
        make = self.chance.choice((*kinds, self._vm, self._host))
        return self._create(*make())

    def _network(self) -> Iterator[intent_pb2.Mutation]:
        vpc, fields = self._vpc()
        yield self._create(vpc, fields)
        subnet = f"{vpc}/subnets/{self._fresh()}"
        yield self._create(subnet, {"cidr": "10.1.0.0/24"})
        for _ in range(self.chance.randint(1, 4)):
            yield self._create(f"{subnet}/ports/{self._fresh()}", {})

    def _changes(self) -> Iterator[intent_pb2.Mutation]:
        some = self.chance.sample([INTERNET, *self.there], min(len(self.there) + 1, self.chance.randint(1, 4)))
        yield from (self._update(name) for name in some)

    def _exchange(self) -> Iterator[intent_pb2.Mutation]:
        """Yield a port for another on the same subnet, which may take its address over."""
        old = self._one("ports")
        subnet = old.rpartition("/ports/")[0] if old else self._one("subnets") or INTERNET
        if old:
            yield self._delete(old)
        yield self._create(f"{subnet}/ports/{self._fresh()}", {})
        yield self._update(subnet)

    def _vpc(self) -> tuple[str, Fields]:
        attached = {"externalSubnets": {"internet": {"subnet": INTERNET}}} if self.chance.random() < 0.5 else {}
        return f"{PROJECT}/vpcs/{self._fresh()}", attached

    def _subnet(self) -> tuple[str, Fields]:
        cidr = f"10.{self.chance.randrange(100)}.{self.chance.randrange(8)}.0/24"
        return f"{self._one('vpcs') or PROJECT + '/vpcs/none'}/subnets/{self._fresh()}", {"cidr": cidr}

    def _port(self) -> tuple[str, Fields]:
        vm = self._one("vms")
        fields = {"vm": vm} if vm and self.chance.random() < 0.3 else {}
        return f"{self._one('subnets') or INTERNET}/ports/{self._fresh()}", fields

    def _route(self) -> tuple[str, Fields]:
        fields = {"destination": f"172.16.{self.chance.randrange(200)}.0/24"}
        hop = {"nextHops": [{"externalSubnet": INTERNET}]}
        return f"{self._one('vpcs') or PROJECT + '/vpcs/none'}/routes/{self._fresh()}", fields | hop

    def _floating(self) -> tuple[str, Fields]:
        port = self._one("ports")
        target = {"port": port} if port and "/vpcs/" in port and self.chance.random() < 0.7 else {}
        return f"{PROJECT}/floatingIps/{self._fresh()}", {"externalSubnet": INTERNET} | target

    def _vm(self) -> tuple[str, Fields]:
        return f"{PROJECT}/vms/{self._fresh()}", {}

    def _host(self) -> tuple[str, Fields]:
        return f"hosts/{self._fresh()}", {"zone": "z"}

    def _create(self, name: str, fields: Fields) -> intent_pb2.Mutation:
        mutation = intent_pb2.Mutation()
        mutation.create.Pack(ParseDict(fields, SCHEMA.codec_of(name).message(name=name)))
        return mutation

    def _update(self, name: str) -> intent_pb2.Mutation:
        """Return an update that makes a difference; of some kinds one that changes rows too."""
        fields: Fields = {"description": f"{self.mark} {self.number} {self.chance.random()}"}
        if name.rpartition("/")[0].endswith("vpcs") and self.chance.random() < 0.5:
            fields |= {"externalSubnets": self.chance.choice(({}, {"internet": {"subnet": INTERNET}}))}
        elif name.startswith("hosts/"):
            fields |= {"drain": self.chance.random() < 0.3}
        mutation, codec = intent_pb2.Mutation(), SCHEMA.codec_of(name)
        message = ParseDict(fields, codec.message(name=name))
        mutation.update.resource.Pack(message)
        mutation.update.update_mask.paths.extend({"externalSubnets": "external_subnets"}.get(f, f) for f in fields)
        return mutation

    def _delete(self, name: str) -> intent_pb2.Mutation:
        later = self._crowded or self.chance.random() < 0.6
        return intent_pb2.Mutation(delete=intent_pb2.DeleteMutation(name=name, when_unreferenced=later))

    def _one(self, plural: str = "") -> str:
        """Return the name of something that is there, of a kind if that is given; empty if there is none."""
        found = [name for name in self.there if not plural or name.split("/")[-2] == plural]
        if not plural and self.chance.random() < 0.1:
            found = sorted(HOSTS)
        return self.chance.choice(found) if found else ""

    def _fresh(self) -> str:
        self.number += 1
        return f"{self.mark}{self.number}"

    def _batch(self, mutations: Iterator[intent_pb2.Mutation]) -> Sent:
        request = intent_pb2.BatchRequest(request_id=self._request_id(), mutations=mutations)
        return _sent(BATCH, request, request.mutations)

    def _alone(self, mutation: intent_pb2.Mutation) -> Sent:
        """Return the standard method of the resource's kind that does what a mutation does."""
        name = _name(mutation)
        codec = SCHEMA.codec_of(name)
        verb = str(mutation.WhichOneof("action")).capitalize()
        service = codec.descriptor.file.services_by_name[f"{codec.descriptor.name}Service"]
        method = next(method for method in service.methods if method.name.startswith(verb))
        fields = _FIELDS[verb](mutation, codec.resource.type)
        request = GetMessageClass(method.input_type)(request_id=self._request_id(), **fields)
        return _sent(f"/{service.full_name}/{method.name}", request, [mutation])

    def _request_id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))


def _sent(method: str, request: Message, mutations: Any) -> Sent:
    names = tuple(_name(m) for m in mutations)
    gone = tuple(m.delete.name for m in mutations if m.WhichOneof("action") == "delete")
    return Sent(method, request, names, gone)


def _name(mutation: intent_pb2.Mutation) -> str:
    match mutation.WhichOneof("action"):
        case "delete":
            return mutation.delete.name
        case "update":
            return _unpacked(mutation.update.resource).name
    return _unpacked(mutation.create).name


def _unpacked(packed: Any) -> Any:
    return SCHEMA.codecs[packed.TypeName()].message.FromString(packed.value)


def _creating(mutation: intent_pb2.Mutation, type_: str) -> Fields:
    message = _unpacked(mutation.create)
    *parent, _, id_ = message.name.split("/")
    return {type_: message, f"{type_}_id": id_} | ({"parent": "/".join(parent)} if parent else {})


def _updating(mutation: intent_pb2.Mutation, type_: str) -> Fields:
    mask = FieldMask(paths=mutation.update.update_mask.paths)
    return {type_: _unpacked(mutation.update.resource), "update_mask": mask}


def _deleting(mutation: intent_pb2.Mutation, _type: str) -> Fields:
    return {"name": mutation.delete.name, "when_unreferenced": mutation.delete.when_unreferenced}


_FIELDS: dict[str, Callable[[intent_pb2.Mutation, str], Fields]] = {
    "Create": _creating,
    "Update": _updating,
    "Delete": _deleting,
}
