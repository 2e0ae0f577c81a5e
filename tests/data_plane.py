"""A data plane as tests have it: hosts and bindings that change by a call, told to whoever shows resources of them."""

from __future__ import annotations

from headgate_controller.api.shown import Shown
from headgate_controller.observed import HostHeard
from headgate_controller.realisation import Realisation
from headgate_controller.schema import Schema
from headgate_controller.serialized import Serialized
from headgate_controller.state import Committed
from headgate_controller.world import World


class DataPlane:
    """What Southbound and the agents say; nothing at first."""

    def __init__(self) -> None:
        self.connected = False
        self.nb_cfg = 0
        self.chassis_nb_cfg: dict[str, int] = {}
        self.bindings: dict[str, str | None] = {}
        self.hosts: dict[str, HostHeard] = {}

    def heard(self, chassis: str) -> HostHeard:
        return self.hosts.get(chassis, HostHeard())


class Display:
    """Resources of a World as clients are shown them."""

    def __init__(self, schema: Schema, world: World) -> None:
        self.plane, self.committed = DataPlane(), Committed(world)
        self.realisation = Realisation(schema, self.committed, self.plane, self.plane)
        self.serialized = Serialized(schema)
        self.committed.listen(self.serialized.committed)
        self.shown = Shown(schema, self.committed, self.realisation, self.serialized)
        self.reasons: dict[str, str] = {}
        self._written = self._raised = 0
        self.realisation.why_not = self.reasons.get
        self.realisation.all_well = lambda: not self.reasons

    def write(self, revisions: int, *, raised: bool = False) -> None:
        """Have Northbound hold so many revisions more, if there are as many, with or without a barrier."""
        self._written = min(self._written + revisions, self.committed.world.revision)
        self._raised += raised
        self.realisation.written(self._written, self._raised if raised else None)

    def bind(self, port: str, chassis: str | None) -> None:
        """Have OVN say where a port is, by its iface_id."""
        self.plane.bindings[port] = chassis
        self.realisation.bindings_changed(frozenset({port}))

    def confirm(self, chassis: str, nb_cfg: int) -> None:
        """Have a host say how far it is."""
        self.plane.chassis_nb_cfg[chassis] = nb_cfg
        self.realisation.bindings_changed(frozenset())

    def unsee(self, why: str) -> None:
        """Have Southbound not tell who has a part in what, for a reason, or with an empty one tell it again."""
        self.realisation.why_unseen = lambda: why
        self.realisation.bindings_changed(frozenset())
