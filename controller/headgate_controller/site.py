"""The parts of a controller, connected to each other by hand; the servers in front of them are `app`'s."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from headgate_controller import settings
from headgate_controller.compile import Compiler
from headgate_controller.config import ControllerConfig
from headgate_controller.hosts.door import Door
from headgate_controller.hosts.links import HostLinks
from headgate_controller.journeys import Journeys
from headgate_controller.kinds import registry
from headgate_controller.leadership import Lead
from headgate_controller.northbound_rows import COLUMNS
from headgate_controller.ovn.convergence import Convergence
from headgate_controller.ovn.northbound import Northbound
from headgate_controller.ovn.southbound import Southbound
from headgate_controller.realisation import Realisation
from headgate_controller.schema import Schema
from headgate_controller.signing import Signer
from headgate_controller.spans import Spans
from headgate_controller.state import Committed
from headgate_controller.store.database import Database, load_world
from headgate_controller.store.enrolments import Enrolments
from headgate_controller.store.history import History
from headgate_controller.store.keyring import read_keyring
from headgate_controller.store.states import States
from headgate_controller.store.tokens import Tokens
from headgate_controller.store.writer import Writer
from headgate_controller.traffic import Traffic
from headgate_controller.trust import Trust
from headgate_controller.world import World


class Runner(Protocol):
    """Something that runs until it is cancelled."""

    async def run(self) -> None:
        """Run."""


class Contents(NamedTuple):
    """What a database holds."""

    schema: Schema
    world: World


def read_contents(config: ControllerConfig, database: Database) -> Contents:
    """Return what a database holds; that takes a second for some thousand resources.

    Raises:
        UnknownKindError, SettingError: a setting does not fit. SQLAlchemyError: the database cannot be read.
    """
    schema = Schema(registry.load(config.extra_kinds))
    return Contents(schema, load_world(database.engine, schema, World(reserved=settings.reserved(config))))


class Site:
    """Everything that a controller consists of but its servers, not yet running."""

    def __init__(self, config: ControllerConfig, database: Database, lead: Lead, held: Contents) -> None:
        """Put it together, around what the database holds, to be written with the epoch of a term.

        Raises:
            SettingError: a setting cannot be used. SQLAlchemyError: the database cannot be read.
        """
        database.lead_with(lead.term.epoch)
        self.lead = lead
        self.config = config
        self.database = database
        self.trust = Trust(Path(config.pki_dir), Path(config.ca_dir))
        self.signer = Signer(Path(config.ca_dir))
        self.door = Door(self.trust)
        self.schema = held.schema
        self.committed = Committed(held.world)
        self.writer = Writer(database, self.schema, self.committed.world, self.committed.publish)
        self.committed.listen(self.writer.serialized.committed)
        self.tokens, self.enrolments = Tokens(database), Enrolments(database)
        self.keyring = read_keyring(config.state_key_file)
        self.states = States(database, self.keyring)
        self.traffic = Traffic()
        self.history = History(database, settings.history(config))
        self.southbound = Southbound(config.southbound, Path(config.pki_dir))
        self.northbound = Northbound(
            config.northbound,
            COLUMNS,
            epoch=lead.term.epoch,
            new=lead.term.new,
            options=settings.global_options(config),
            store=database.name(),
            pki_dir=Path(config.northbound_pki_dir),
        )
        self.links = HostLinks(self.committed, self.writer, lead.term.epoch, config.southbound_remote, self.door)
        self.realisation = Realisation(self.schema, self.committed, self.southbound, self.links)
        self.journeys = Journeys()
        self.telemetry = settings.telemetry(config)
        compiler = Compiler({codec.kind.noun: codec.kind.compile for codec in self.schema.codecs.values()})
        self.convergence = Convergence(self.committed, compiler, self.northbound, self.realisation, self.journeys)
        self._connect()

    def _connect(self) -> None:
        """Have the parts hear of each other, and ask each other why something waits."""
        self.links.why_wait = partial(_why_hosts_wait, self.northbound, new=self.committed.world.revision == 0)
        self.realisation.why_unwritten = lambda: self.northbound.why_unready
        self.realisation.why_unseen = partial(_why_unseen, self.northbound, self.southbound)
        self.northbound.confirmed = self.southbound.confirmed
        self.southbound.listen(self.realisation.bindings_changed)
        self.links.listen(self.realisation.hosts_changed)
        self.writer.on_commit = self.journeys.committed
        if self.telemetry:
            spans = Spans(self.telemetry, self.committed, self.realisation, self.journeys)
            self.writer.trace, self.journeys.on_arrival = self.telemetry.current, spans.follow
        self.southbound.on_translated, self.southbound.on_confirmed = self.journeys.translated, self.journeys.confirmed

    @property
    def runners(self) -> list[Runner]:
        """What runs as long as the controller does."""
        return [self.northbound, self.southbound, self.convergence, self.tokens, self.states, self.history]


def _why_hosts_wait(northbound: Northbound, *, new: bool) -> str:
    """Return why hosts must not be told anything yet: a store that is not theirs would have them forget their ports."""
    if northbound.foreign is None:
        return "a new store waits for Northbound, to see that it is not another's." if new else ""
    return northbound.foreign


def _why_unseen(northbound: Northbound, southbound: Southbound) -> str:
    """Return why Southbound does not tell now which hosts have a part in what; empty if it does."""
    if southbound.why_unready:
        return f"OVN Southbound at {southbound.why_unready}"
    # northd tells Northbound only once Southbound has it.
    behind = southbound.nb_cfg < northbound.sb_cfg
    return "OVN Southbound was emptied, and ovn-northd has not filled it again" if behind else ""
