"""A controller without its servers, which dies where it is told to: store, compiler and the hand on Northbound, put
together as `app` does, and asked by lines on a socket.

Run as a program with the path of a socket it is a warm parent that forks a life for each connection: a start in some
hundredths of a second. The first line of a connection says where to die (`Order`); then come requests, each answered by
a line; the last line, after the death, says how the life ended.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn

from ovsdb_server import eventually
from sqlalchemy import event

from headgate_common.ovsdb import Connection
from headgate_controller import app, mutations, settings
from headgate_controller.compile import Compiler
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError
from headgate_controller.kinds import registry
from headgate_controller.mutations import Register, Request
from headgate_controller.ovn import writer as northbound_writer
from headgate_controller.schema import Schema
from headgate_controller.site import Site
from headgate_controller.store import writer as store_writer
from headgate_controller.store.database import Database
from headgate_controller.turns import take_turns

HOSTS = ("hosts/h1", "hosts/h2", "hosts/h3")
"""Registered at the start, by requests whose ids begin so."""

SMALL_BATCH = 4
"""Rows in a transaction, so that a small plan goes in several."""

POINTS = (
    "within a group",
    "within a Batch",
    "between SQL statements",
    "before the SQL commit",
    "during the SQL commit",
    "after the SQL commit",
    "before the callers are told",
    "while compiling",
    "before a Northbound transaction",
    "between two Northbound transactions",
    "after sending a Northbound transaction",
    "between Northbound commit and reply",
    "after the last Northbound transaction",
    "at a random moment",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A life: on which databases, and at which passage of which point it ends."""

    database: str
    northbound: str
    point: str
    passage: int
    seconds: float
    """How long the points that are moments wait."""


class Doom:
    """Counts passages of the point, and ends the process at the one that was ordered."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._left = order.passage
        self._counting = threading.Lock()

    def passes(self, point: str) -> None:
        """Go on, or die."""
        if point != self.order.point:
            return
        with self._counting:
            self._left -= 1
            if self._left == 0:
                die()

    def soon(self, point: str) -> None:
        """Go on, but not for long."""
        if point == self.order.point:
            threading.Thread(target=self._later, daemon=True).start()

    def _later(self) -> None:
        time.sleep(self.order.seconds)
        die()


def die() -> NoReturn:
    """End the process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("outlived SIGKILL")


def around(target: Any, name: str, before: Callable[..., None], after: Callable[..., None]) -> None:
    """Have a function of a module or class call others with its arguments, before and after."""
    real = getattr(target, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        before(*arguments)
        result = real(*arguments, **named)
        after(*arguments)
        return result

    setattr(target, name, wrapped)


def nothing(*_arguments: Any) -> None:
    """Do nothing."""


def arm_store(doom: Doom, engine: Any) -> None:
    """Put the points of the store in their places."""
    group = SimpleNamespace(left=0)

    def of_group(_writer: Any, _connection: Any, requests: Any, *_: Any) -> None:
        group.left = len(requests)

    def one_applied(*_: Any) -> None:
        group.left -= 1
        if group.left > 0:
            doom.passes("within a group")

    def mutated(*_: Any) -> None:
        if threading.current_thread().name == "writer":
            doom.passes("within a Batch")

    around(store_writer.Writer, "_apply", of_group, nothing)
    around(store_writer, "apply_request", nothing, one_applied)
    around(mutations, "_applied", nothing, mutated)
    event.listen(engine, "after_cursor_execute", lambda *_: doom.passes("between SQL statements"))

    def before_commit(*_: Any) -> None:
        doom.passes("before the SQL commit")
        doom.soon("during the SQL commit")

    around(engine.dialect, "do_commit", before_commit, lambda *_: doom.passes("after the SQL commit"))
    around(store_writer, "_tell", lambda *_: doom.passes("before the callers are told"), nothing)


def arm_northbound(doom: Doom) -> None:
    """Put the points of compiler and Northbound in their places."""
    around(Compiler, "advance", nothing, lambda *_: doom.passes("while compiling"))
    northbound_writer.batches = partial(northbound_writer.batches, limit=SMALL_BATCH)
    plan = SimpleNamespace(transactions=0)
    real_transact, real_write = Connection.transact, northbound_writer.Writer.write

    async def transact(self: Connection, database: str, operations: Any, on_reply: Any = None) -> Any:
        if not any(op["op"] in ("insert", "update", "mutate", "delete") for op in operations):
            return await real_transact(self, database, operations, on_reply)
        doom.passes("before a Northbound transaction")
        if plan.transactions:
            doom.passes("between two Northbound transactions")
        plan.transactions += 1

        def replied(results: Any) -> None:
            doom.passes("between Northbound commit and reply")
            if on_reply:
                on_reply(results)

        sent = asyncio.ensure_future(real_transact(self, database, operations, replied))
        await asyncio.sleep(0)
        doom.passes("after sending a Northbound transaction")
        return await sent

    async def write(self: Any, *arguments: Any, **named: Any) -> Any:
        plan.transactions = 0
        written = await real_write(self, *arguments, **named)
        if plan.transactions:
            doom.passes("after the last Northbound transaction")
        return written

    Connection.transact, northbound_writer.Writer.write = transact, write  # type: ignore[method-assign]


class Life:
    """One run of a controller, from its start to its death."""

    def __init__(self, site: Site) -> None:
        self._site = site
        # Nobody plans here, and nothing is hidden.
        services = app.resource_services(site, lambda _caller, _step: lambda _name: False)
        self._handlers = [service.handlers() for service in services.values()]

    async def register_hosts(self) -> None:
        """Have hosts registered that can carry gateways, as their agents would."""
        world = self._site.committed.world
        for name in HOSTS:
            if name not in world.resources:
                host = Register(name, str(uuid.uuid4()), "192.0.2.1", {"provider": "br-ex"}, "1", ())
                await self._site.writer.submit(Request([host], request_id=f"{name} after {world.revision}"))

    async def serve(self, connection: socket.socket) -> None:
        """Answer requests, each by itself, as they come, until a line that is none: it asks to die here and now."""
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        asking: set[asyncio.Task[None]] = set()
        while (line := await reader.readline()) != b"{}\n":
            task = asyncio.create_task(self._answer(json.loads(line), writer))
            asking.add(task)
            task.add_done_callback(asking.discard)
        die()

    async def _answer(self, asked: dict[str, str], writer: asyncio.StreamWriter) -> None:
        details: Any = SimpleNamespace(method=asked["method"], invocation_metadata=())
        method: Any = next(m for h in self._handlers if (m := h.service(details)) is not None)
        answer: dict[str, Any] = {"id": asked["id"]}
        try:
            response = await method.unary_unary(method.request_deserializer(bytes.fromhex(asked["request"])), None)
            answer["answer"] = method.response_serializer(response).hex()
        except HeadgateError as error:
            answer["refused"] = f"{error.reason}: {error}"
        except Exception as error:
            answer["fault"] = repr(error)
        writer.write(json.dumps(answer).encode() + b"\n")


async def live(order: Order, connection: socket.socket) -> None:
    """Lead on the databases that were ordered, until death."""
    config = ControllerConfig(database=order.database, northbound=order.northbound, southbound="unix:/nowhere")
    database = settings.open_database(config)
    await take_turns(config, database, partial(serve, order=order, connection=connection), asyncio.Event())


async def serve(site: Site, _stop: asyncio.Event, *, order: Order, connection: socket.socket) -> str:
    """Start, say so once Northbound is in step, and serve."""
    doom = Doom(order)
    arm_store(doom, site.database.engine)
    arm_northbound(doom)
    written = SimpleNamespace(revision=-1)
    around(site.realisation, "written", nothing, lambda revision, _: setattr(written, "revision", revision))
    runners = [asyncio.create_task(runner.run()) for runner in (site.northbound, site.convergence)]
    life = Life(site)
    await life.register_hosts()
    await eventually(lambda: written.revision == site.committed.world.revision)
    connection.send(b'{"ready": true}\n')
    doom.soon("at a random moment")
    serving = asyncio.create_task(life.serve(connection))
    ended, _ = await asyncio.wait([serving, *runners], return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()
    return "a part of it has ended"


def main() -> None:
    """Fork a life for each connection, and tell how it ended."""
    sys.setswitchinterval(app.SWITCH_INTERVAL)
    logging.basicConfig(level=logging.ERROR)
    # Warm: what is imported or compiled at the first use is there in every life.
    Database("sqlite://").close()
    Schema(registry.load())
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen()
        while True:
            connection, _ = listener.accept()
            with connection:
                order = Order(**json.loads(connection.makefile("rb", buffering=0).readline()))
                if (pid := os.fork()) == 0:
                    listener.close()
                    asyncio.run(live(order, connection))
                    os._exit(0)
                _, status = os.waitpid(pid, 0)
                connection.sendall(json.dumps({"ended": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


if __name__ == "__main__":
    main()
