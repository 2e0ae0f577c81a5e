"""Requests that change intent, as values: what the commit queue carries and applies, one after another, to a Draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from google.protobuf.message import Message

from headgate_controller import intent
from headgate_controller.addresses import Address, parse_address
from headgate_controller.codec import KindCodec
from headgate_controller.errors import InvalidError, Violation
from headgate_controller.intent import Stamp
from headgate_controller.nouns.host import Host
from headgate_controller.nouns.meta import Meta
from headgate_controller.schema import Schema
from headgate_controller.world import Draft, World


class Mutation(Protocol):
    """One change of one resource."""

    @property
    def name(self) -> str:
        """The resource's name."""

    def apply(self, draft: Draft, schema: Schema, stamp: Stamp) -> Draft:
        """Return the Draft after the change; the same Draft if nothing differs.

        Raises:
            HeadgateError: it is refused.
        """


@dataclass(frozen=True, slots=True)
class Create:
    """A new resource; its noun carries a fresh uid."""

    codec: KindCodec
    noun: Any

    @property
    def name(self) -> str:
        """The resource's name."""
        return str(self.noun.name)

    def apply(self, draft: Draft, schema: Schema, stamp: Stamp) -> Draft:
        """Return the Draft with the resource."""
        return intent.create(draft, schema.kind, self.noun, stamp)


@dataclass(frozen=True, slots=True)
class Update:
    """New values of the fields that the mask names."""

    codec: KindCodec
    name: str
    message: Message
    mask: tuple[str, ...]
    etag: str = ""

    def apply(self, draft: Draft, schema: Schema, stamp: Stamp) -> Draft:
        """Return the Draft with the resource's new intent."""
        before = intent.existing(draft.world, self.name, self.etag)
        faults: list[Violation] = []
        after = self.codec.merged(before, self.message, self.mask, faults)
        if faults:
            raise InvalidError(self.name, faults)
        return intent.sweep(intent.update(draft, self.codec.kind, after, stamp), before)


@dataclass(frozen=True, slots=True)
class Delete:
    """The removal of a resource."""

    name: str
    etag: str = ""
    when_unreferenced: bool = False

    def apply(self, draft: Draft, schema: Schema, stamp: Stamp) -> Draft:
        """Return the Draft without the resource, or with it on its way out."""
        return intent.delete(draft, self.name, stamp, etag=self.etag, when_unreferenced=self.when_unreferenced)


@dataclass(frozen=True, slots=True)
class Register:
    """What a host's agent reported of its machine; it makes the host's resource if there is none, for whoever asks for
    it later.

    `networks_down` is None as long as the agent has not said: what it said last still counts, then.
    """

    name: str
    uid: str
    tunnel_ip: str
    physical_networks: Mapping[str, str]
    agent_version: str
    networks_down: tuple[str, ...] | None = None

    def apply(self, draft: Draft, schema: Schema, stamp: Stamp) -> Draft:
        """Return the Draft in which the host is as reported.

        Raises:
            InvalidError: the agent's configuration gives a name or an address that cannot be used.
        """
        there = draft.world.get(Host, self.name)
        if there is None:
            draft, there = self._first(draft, schema, stamp)
        facts = self._upon(there)
        return draft if facts == there else draft.put(replace(facts, meta=replace(there.meta, revision=stamp.revision)))

    def changes_nothing(self, world: World) -> bool:
        """Return whether all of it is known.

        Raises:
            InvalidError: as `apply`.
        """
        there = world.get(Host, self.name)
        return there is not None and self._upon(there) == there

    def _upon(self, there: Host) -> Host:
        """Return the host as reported."""
        return replace(
            there,
            tunnel_ip=self._tunnel_address(),
            physical_networks=tuple(sorted(self.physical_networks.items())),
            agent_version=self.agent_version,
            physical_networks_down=self._down(there),
        )

    def _first(self, draft: Draft, schema: Schema, stamp: Stamp) -> tuple[Draft, Host]:
        """Return the Draft with a host that nobody has asked for, and that host: its generation is 0."""
        schema.check_name(schema.by_noun[Host], self.name)
        draft = intent.create(draft, schema.kind, Host(self.name, Meta(uid=self.uid)), stamp)
        made = intent.existing(draft.world, self.name)
        unasked: Host = replace(made, meta=replace(made.meta, generation=0))
        return draft.put(unasked), unasked

    def _down(self, there: Host) -> tuple[str, ...]:
        told = there.physical_networks_down if self.networks_down is None else self.networks_down
        return tuple(sorted(self.physical_networks.keys() & set(told)))

    def _tunnel_address(self) -> Address | None:
        try:
            return parse_address(self.tunnel_ip) if self.tunnel_ip else None
        except ValueError as error:
            text = f"{self.tunnel_ip!r} is not an IP address: {error}; correct tunnel_address of the agent."
            raise InvalidError(self.name, [Violation("tunnel_ip", "BAD_FORMAT", text)]) from error


@dataclass(frozen=True, slots=True)
class Request:
    """Mutations that belong together: all are applied, in one revision, or none."""

    mutations: Sequence[Mutation]
    validate_only: bool = False
    request_id: str = ""
    fingerprint: bytes = b""


def apply_request(draft: Draft, request: Request, schema: Schema, stamp: Stamp) -> Draft:
    """Return the Draft after all mutations of a request and what follows from them.

    Raises:
        HeadgateError: one is refused; in a request of several its violations say which.
    """
    for position, mutation in enumerate(request.mutations):
        try:
            step = _applied(draft.world, mutation, schema, stamp)
        except InvalidError as error:
            if len(request.mutations) == 1:
                raise
            prefix = f"mutations[{position}]"
            raise InvalidError(
                mutation.name, [replace(v, field=f"{prefix}.{v.field}") for v in error.violations]
            ) from error
        draft = Draft(step.world, draft.touched.update(step.touched))
    return draft


def _applied(before: World, mutation: Mutation, schema: Schema, stamp: Stamp) -> Draft:
    """Return the Draft after one mutation, with what the platform chooses anew for the resources that it affects."""
    draft = mutation.apply(Draft(before), schema, stamp)
    for name in sorted(draft.touched):
        old, new = before.resources.get(name), draft.world.resources.get(name)
        affected = set(schema.kind(old or new).affects(old, new, draft.world)) if old or new else ()
        for other in sorted(affected):
            noun = draft.world.resources.get(other)
            draft = intent.reallocate(draft, schema.kind(noun), other, stamp) if noun else draft
    return draft
