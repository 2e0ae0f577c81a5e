"""From committed Worlds to Northbound: compile what changed, write it, repair what others changed, raise barriers.

One task does it all, one step at a time: a step takes everything that has changed since the last one, so that a slow
Northbound makes steps larger, not later.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from headgate_common.ovsdb import OvsdbError
from headgate_common.rows import Plan
from headgate_controller.compile import Compiler
from headgate_controller.journeys import Journeys
from headgate_controller.ovn.northbound import ForeignStoreError, Northbound, NorthboundUnavailable
from headgate_controller.ovn.remarks import all_well, remarks, why_not
from headgate_controller.realisation import Realisation
from headgate_controller.state import Committed
from headgate_controller.world import World

log = logging.getLogger(__name__)

MANY_UNITS = 1_000
"""Units in one pass above which the garbage collector is kept out of it; it would take longer than the pass."""

REFUSED_SECONDS = 1.0
"""How long to wait after Northbound has refused what every synchronisation needs."""


class Convergence:
    """Keeps Northbound at the committed World."""

    def __init__(
        self,
        committed: Committed,
        compiler: Compiler,
        northbound: Northbound,
        realisation: Realisation,
        journeys: Journeys,
    ) -> None:
        self._committed = committed
        self._compiler = compiler
        self._northbound = northbound
        self._realisation = realisation
        self._journeys = journeys
        self._touched: set[str] = set(committed.world.resources)
        self._wake = asyncio.Event()
        self._barrier_revision = 0
        self._barrier = 0
        self._thread = ThreadPoolExecutor(1, "compile")
        self._lost = False
        self._foreign = ""
        committed.listen(self._committed_changed)
        northbound.listen(lost=self._northbound_lost, attention=self._wake.set)
        realisation.on_wanted = self._wake.set
        realisation.why_not = partial(why_not, compiler=compiler, northbound=northbound)
        realisation.row_remarks = partial(remarks, compiler=compiler, northbound=northbound)
        realisation.all_well = partial(all_well, compiler, northbound)

    def _northbound_lost(self) -> None:
        self._lost = True
        self._wake.set()

    def _committed_changed(self, _world: World, touched: frozenset[str]) -> None:
        self._touched |= touched
        self._wake.set()

    async def run(self) -> None:
        """Converge until cancelled.

        Raises:
            StaleEpochError: another controller has become the leader.
        """
        while True:
            await self._northbound.ready()
            self._lost = False
            try:
                if self._foreign:
                    await self._northbound.outlast(self._foreign)
                await self._synchronise()
                while not self._lost:
                    await self._wake.wait()
                    await self._step()
            except NorthboundUnavailable as error:
                log.warning("northbound lost", extra={"reason": str(error)})
            except OvsdbError as error:
                log.warning("northbound not synchronised", extra={"reason": str(error)})
                await asyncio.sleep(REFUSED_SECONDS)
            except ForeignStoreError as error:
                if error.held != self._foreign:
                    log.error("northbound left alone", extra={"reason": str(error)})
                self._foreign = error.held

    async def _synchronise(self) -> None:
        world, _ = await self._advance()
        began = time.time()
        changes = await self._northbound.synchronise(self._compiler.target.all_wanted())
        log.info("northbound synchronised", extra={"revision": world.revision, "changes": changes})
        self._tell(world, None)
        self._journeys.written(world.revision, None, began, time.time())
        self._wake.set()

    async def _step(self) -> None:
        self._wake.clear()
        started = time.monotonic()
        await self._northbound.repair(self._compiler.target.wanted)
        world, plan = await self._advance()
        bump = self._barrier_due(plan)
        if bump or not plan.empty:
            began = time.time()
            nb_cfg = await self._northbound.apply(plan, bump=bump)
            self._tell(world, nb_cfg)
            self._journeys.written(world.revision, nb_cfg, began, time.time())
            facts = {"revision": world.revision, "changes": len(plan.changes)}
            log.debug("revision written", extra={**facts, "seconds": round(time.monotonic() - started, 4)})
        else:
            self._tell(world, None)

    def _barrier_due(self, plan: Plan) -> bool:
        """Return whether a barrier is to go with a plan: somebody waits for one, or is likely to wait for this plan.

        Who creates, and then waits, is too late for the transaction of the create: northd would have begun on that, and
        would have to compute everything once more for a barrier of its own. With a plan it costs nothing: of all that
        is written while northd computes, it sees the last number only. Without one, it waits until northd is done.
        """
        if self._northbound.nb_cfg < self._barrier:
            # Northbound was emptied, and the barrier went with it.
            self._barrier = self._barrier_revision = 0
        if not self._realisation.sees_bindings():
            return False
        if not plan.empty and self._realisation.awaited():
            return True
        return self._realisation.wanted > self._barrier_revision and self._northbound.sb_cfg >= self._barrier

    def _tell(self, world: World, nb_cfg: int | None) -> None:
        if nb_cfg is not None:
            self._barrier, self._barrier_revision = nb_cfg, world.revision
        self._realisation.written(world.revision, nb_cfg)

    async def _advance(self) -> tuple[World, Plan]:
        """Bring the compiler to the committed World; return that and what changed."""
        world, touched, self._touched = self._committed.world, self._touched, set()
        if not touched:
            return world, Plan()
        began = time.time()
        plan = await asyncio.get_running_loop().run_in_executor(self._thread, self._compile, world, touched)
        self._journeys.compiled(world.revision, began, time.time())
        return world, plan

    def _compile(self, world: World, touched: set[str]) -> Plan:
        if len(touched) < MANY_UNITS:
            return self._compiler.advance(world, touched)
        # What is frozen as garbage stays for ever; hardly any of it is old.
        gc.collect(1)
        gc.disable()
        try:
            return self._compiler.advance(world, touched)
        finally:
            gc.freeze()
            gc.enable()
