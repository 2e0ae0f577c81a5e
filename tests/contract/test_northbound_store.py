"""A Northbound that is another store's: left alone, and taken over as soon as that is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller
from controller_site import run as run_program
from northbound_owner import run
from ovsdb_server import OvsdbServer, connected, eventually, running

from api import Api, findings
from headgate_common.ovsdb import Connection
from headgate_common.rows import RowKey, Wanted
from headgate_controller.ovn.northbound import ForeignStoreError, Northbound, NorthboundUnavailable

DB = "OVN_Northbound"
THEIRS, OURS, THIRD = "theirs", "ours", "third"
SWITCH = RowKey("Logical_Switch", "s")
WANTED = {SWITCH: Wanted({"name": "s", "other_config": {}}, {"ports": frozenset()})}


@asynccontextmanager
async def apart(server: OvsdbServer) -> AsyncIterator[tuple[Northbound, Connection]]:
    """Lend a writer of our store to a Northbound that is theirs, and somebody else who writes there."""
    northbound = Northbound(server.remote, {"Logical_Switch": ("name", "other_config", "ports")}, epoch=1, store=OURS)
    async with connected(server.remote) as other, running(northbound.run()):
        await other.transact(DB, [{"op": "insert", "table": "NB_Global", "row": {"external_ids": marked(THEIRS)}}])
        await asyncio.wait_for(northbound.ready(), 10)
        yield northbound, other


def requests(northbound: Northbound) -> list[str]:
    """Return a list that the first operation of each transaction from now on comes into."""
    assert northbound._writer is not None
    connection, asked = northbound._writer._connection, []  # type: ignore[var-annotated]
    transact = connection.transact

    def noted(database: str, operations: Any, *rest: Any) -> Any:
        asked.append(operations[0]["op"])
        return transact(database, operations, *rest)

    connection.transact = noted  # type: ignore[method-assign]
    return asked


def marked(store: str) -> list[Any]:
    return ["map", [["headgate-store", store], ["else", "x"]]]


def update(**columns: Any) -> dict[str, Any]:
    return {"op": "update", "table": "NB_Global", "where": [], "row": columns}


@pytest.mark.parametrize("given", [["map", []], marked(THIRD)])
def test_a_northbound_of_another_store_is_waited_for_by_one_request_until_it_is_given_up(
    server: OvsdbServer, given: Any
) -> None:
    async def scenario() -> None:
        async with apart(server) as (northbound, other):
            with pytest.raises(ForeignStoreError) as refused:
                await northbound.synchronise(WANTED)
            asked = requests(northbound)
            waiting = asyncio.create_task(northbound.outlast(refused.value.held))
            for number in range(3):
                await other.transact(DB, [update(nb_cfg=number, external_ids=marked(THEIRS))])
                # Whatever else is asked on the same connection is answered meanwhile, and after that change.
                assert await northbound.stored_epoch() == 0
                assert not waiting.done()
            await other.transact(DB, [update(external_ids=given)])
            await asyncio.wait_for(waiting, 10)
            assert [operation for operation in asked if operation == "wait"] == ["wait"]

    run(scenario())


def test_whoever_waits_for_another_store_hears_of_it_if_the_server_goes(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with apart(server) as (northbound, _):
            waiting = asyncio.create_task(northbound.outlast(THEIRS))
            assert await northbound.stored_epoch() == 0
            server.kill()
            with pytest.raises(NorthboundUnavailable):
                await asyncio.wait_for(waiting, 10)

    run(scenario())


def test_nothing_is_written_until_the_other_store_is_given_up_and_everything_then(server: OvsdbServer) -> None:
    async def scenario() -> None:
        async with apart(server) as (northbound, other):
            with pytest.raises(ForeignStoreError):
                await northbound.synchronise(WANTED)
            count = {"op": "select", "table": "Logical_Switch", "where": [], "columns": ["name"]}
            assert (await other.transact(DB, [count]))[0]["rows"] == []
            await other.transact(DB, [update(external_ids=["map", []])])
            await northbound.outlast(THEIRS)
            assert await northbound.synchronise(WANTED)
            await eventually(lambda: not northbound.why_unready)
            assert (await other.transact(DB, [count]))[0]["rows"] == [{"name": "s"}]

    run(scenario())


def test_a_controller_takes_over_a_northbound_that_another_store_gives_up(server: OvsdbServer, tmp_path: Path) -> None:
    run_nbctl = partial(run_program, "ovn-nbctl", f"--db={server.remote}")
    run_nbctl("set", "NB_Global", ".", f"external_ids:headgate-store={THEIRS}")
    controller = Controller(tmp_path / "controller", northbound=server.remote, require_tokens=False)
    try:
        controller.start()
        controller.await_said("northbound left alone")
        with closing(Api(controller.api)) as api:
            (told,) = findings(api, "northbound")
        assert "Restore a backup of the other" in told
        assert "See that ovsdb-server" not in told, "it runs"
        run_nbctl("remove", "NB_Global", ".", "external_ids", "headgate-store")
        controller.await_said("northbound synchronised")
        controller.stop()
    finally:
        controller.kill()
