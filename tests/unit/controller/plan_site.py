"""A plan session as a client tells it: names and fields as in JSON, answers as (field, reason) and the other party."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from kind_site import Site

from headgate_controller.plan_session import PlanSession
from headgate_controller.planned import Finding, Patience, Planned
from headgate_controller.world import World

Told = tuple[str, str, str, bool]
"""Field, reason, the other resource, and whether it may still be cured."""


class Planner:
    """One session over what a site holds."""

    def __init__(self, site: Site, world: World | None = None) -> None:
        self.schema = site.schema
        self.session = PlanSession(world or site.world, site.schema)
        self.words: list[str] = []

    @property
    def world(self) -> World:
        """What the plan's end will be, as far as it has been told."""
        return self.session.world

    def manage(self, *names: str) -> None:
        for name in names:
            self.session.manage(name)

    def remove(self, *names: str) -> None:
        for name in names:
            self.session.remove(name)

    def keep(self, name: str) -> list[Told]:
        return self._told(self.session.keep(name))

    def create(self, name: str, *unknown: str, patience: Patience = Patience.WAIT, **fields: Any) -> list[Told]:
        return self._told(self.session.create(self._planned(name, unknown, fields), patience))

    def recreate(self, name: str, *, patience: Patience = Patience.WAIT, **fields: Any) -> list[Told]:
        return self._told(self.session.create(self._planned(name, (), fields, replacement=True), patience))

    def update(self, name: str, *unknown: str, patience: Patience = Patience.WAIT, **fields: Any) -> list[Told]:
        mask = tuple({*fields, *unknown})
        return self._told(self.session.update(self._planned(name, unknown, fields, mask=mask), patience))

    def _planned(self, name: str, unknown: tuple[str, ...], fields: dict[str, Any], **more: Any) -> Planned:
        codec = self.schema.codec_of(name)
        return Planned(codec, name, json_format.ParseDict(fields, codec.message()), frozenset(unknown), **more)

    def _told(self, findings: list[Finding]) -> list[Told]:
        self.words = [fault.description for fault, _ in findings]
        for text in self.words:
            assert text.endswith("."), text
            assert "None" not in text, text
        return [(f.field, f.reason, f.holder or f.needs, is_open) for f, is_open in findings]
