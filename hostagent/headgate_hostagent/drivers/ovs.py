"""Open vSwitch's database of this host, through ovsdbapp.

Reading, deciding and writing happen on the replica in one transaction, so a plan is never made from what is older
than what it is applied to; an empty plan sends nothing to the server. Nothing here runs on the event loop.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, TypeVar

from ovs.db import idl as ovs_idl
from ovsdbapp import exceptions
from ovsdbapp.backend.ovs_idl import connection, idlutils, transaction

from headgate_hostagent.drivers import ovs_rows
from headgate_hostagent.drivers.ovs_rows import SwitchUnavailableError
from headgate_hostagent.managers.plan import Change
from headgate_hostagent.managers.seen import SwitchSeen

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5
"""How long a connection attempt or a transaction may take."""

PROBE_MS = 3000
"""Silence after which the server is asked whether it is there, and again until it counts as gone."""

_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Open_vSwitch": ("bridges", "external_ids", "ovs_version", "ssl"),
        "Bridge": ("name", "datapath_type", "fail_mode", "other_config", "external_ids", "ports"),
        "Port": ("name", "external_ids", "interfaces"),
        "SSL": ("private_key", "certificate", "ca_cert", "external_ids"),
        "Interface": ("name", "type", "options", "external_ids", "link_state", "error", "bfd_status"),
    }
)

T = TypeVar("T")


class SwitchDatabase:
    """The host's Open_vSwitch database: a replica that follows it, and transactions.

    `on_change` is called in the replica's own thread for every row that changes. The connection is made by the first
    call and comes back by itself; calls meanwhile fail at once.
    """

    def __init__(self, remote: str, on_change: Callable[[], object] = lambda: None) -> None:
        # That a database is away is told to whoever calls; the library would call it an error each time besides.
        logging.getLogger(idlutils.__name__).setLevel(logging.CRITICAL)
        self._remote = remote
        self._on_change = on_change
        self._worker = ThreadPoolExecutor(1, "open-vswitch")
        self._connection: Any = None

    async def read(self) -> SwitchSeen:
        """Return what the database holds.

        Raises:
            SwitchUnavailableError: the database does not answer.
        """
        return await self._call(self._read)

    async def change(self, decide: Callable[[SwitchSeen], tuple[Change, ...]]) -> tuple[Change, ...]:
        """Make the changes that `decide` finds necessary, all or none, and return them.

        Raises:
            SwitchUnavailableError: the database does not answer, or refuses; nothing is changed.
        """
        return await self._call(lambda: self._change(decide))

    async def close(self) -> None:
        """End the connection; the object cannot be used again."""
        await self._call(self._close)
        self._worker.shutdown(wait=False)

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function)

    def _read(self) -> SwitchSeen:
        linked = self._linked()
        with linked.lock:
            return ovs_rows.read(linked.idl)

    def _change(self, decide: Callable[[SwitchSeen], tuple[Change, ...]]) -> tuple[Change, ...]:
        linked = self._linked()
        job = _Job(linked.idl, decide)
        transact = transaction.Transaction(job, linked, check_error=True, log_errors=False)
        transact.add(job)
        try:
            transact.commit()
        except (RuntimeError, exceptions.OvsdbAppException) as error:
            raise SwitchUnavailableError(f"Open vSwitch refuses the change: {error}") from error
        return job.result

    def _linked(self) -> Any:
        """Return a connection that is up."""
        if self._connection is None:
            self._connection = _connect(self._remote, self._on_change)
        idl = self._connection.idl
        # A server that hangs takes connections and sends nothing.  The replica has no public word for either.
        if not idl._session.is_connected() or idl.state != idl.IDL_S_MONITORING:
            raise SwitchUnavailableError(f"Open vSwitch's database at {self._remote} does not answer")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.stop(TIMEOUT_SECONDS)


class _Job:
    """What one transaction does; ovsdbapp may run it again if the server says that the replica was stale."""

    def __init__(self, idl: Any, decide: Callable[[SwitchSeen], tuple[Change, ...]]) -> None:
        self.idl = idl
        self._decide = decide
        self.result: tuple[Change, ...] = ()

    def run_idl(self, txn: Any) -> None:
        """Decide and write; ovsdbapp calls it in the connection's thread."""
        self.result = self._decide(ovs_rows.read(self.idl))
        ovs_rows.write(self.idl, txn, self.result)

    def post_commit(self, txn: Any) -> None:
        """Do nothing; ovsdbapp calls it after the server agreed."""


class _Replica(ovs_idl.Idl):  # type: ignore[misc]  # the library is untyped and notifies by a method to override
    """The library's replica, which tells of changes."""

    def __init__(self, remote: str, schema: Any, on_change: Callable[[], object]) -> None:
        super().__init__(remote, schema)
        self._tell = on_change
        # The library's own limit is 8 s, which is long for a host whose database was restarted.
        self._session.reconnect.set_backoff(100, 1000)
        # It asks nothing of a server on this machine, which may be stopped or hang as well as any other.
        self._session.reconnect.set_probe_interval(PROBE_MS)

    def notify(self, event: Any, row: Any, updates: Any = None) -> None:
        """Tell that a row has changed."""
        self._tell()


def _connect(remote: str, on_change: Callable[[], object]) -> Any:
    with _unavailable(remote):
        schema = idlutils.get_schema_helper(remote, "Open_vSwitch")
    for table, columns in _COLUMNS.items():
        schema.register_columns(table, list(columns))
    linked = connection.Connection(_Replica(remote, schema, on_change), TIMEOUT_SECONDS)
    with _unavailable(remote):
        linked.start()
    return linked


@contextlib.contextmanager
def _unavailable(remote: str) -> Iterator[None]:
    """Tell the library's errors, which have no common type, as what they mean."""
    try:
        yield
    except Exception as error:
        raise SwitchUnavailableError(f"Open vSwitch's database at {remote} does not answer: {error}") from error
