"""`python -m headgate_bench.stream_server`: nothing but the host stream, on a World made by hand; or, `--bare`, what it
is measured against: gRPC alone, which sends bytes that lie ready.

It says "ready", then reads commands: "prepare" makes the next change, of one KiB for each host, and says "prepared";
"publish" has it told.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import uvloop

from headgate.v1.host_link_pb2 import ConnectResponse
from headgate_controller.addresses import parse_address
from headgate_controller.hosts.door import Door
from headgate_controller.hosts.links import SERVICE, HostLinks
from headgate_controller.nouns.host import Host
from headgate_controller.nouns.meta import Meta
from headgate_controller.nouns.port import Port
from headgate_controller.rpc_guard import Guard, Outcome, anybody
from headgate_controller.serving import HOST_OPTIONS, server
from headgate_controller.state import Committed
from headgate_controller.store.writer import Writer
from headgate_controller.trust import Trust
from headgate_controller.world import Draft, World

PORTS_IN_A_KIB = 3
PADDING = "x" * 50
"""Makes names so long that three ports are a KiB on the stream."""


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m headgate_bench.stream_server", description=__doc__)
    parser.add_argument("address", help="host:port")
    parser.add_argument("pki", type=Path, help="directory with the CA, `ca`, and this server's certificate, `own`")
    parser.add_argument("hosts", type=int)
    parser.add_argument("--known-ports", type=int, default=0, help="ports that every host is to know from the start")
    parser.add_argument("--bare", action="store_true")
    uvloop.run(_run(parser.parse_args()))


async def _run(arguments: argparse.Namespace) -> None:
    door = Door(Trust(arguments.pki / "own", arguments.pki / "ca"))
    world = _world(arguments.hosts, arguments.known_ports)
    if arguments.bare:
        bare = Bare()
        served, publish = bare.handlers(), lambda _world, _touched: bare.publish()
    else:
        committed = Committed(world)
        links = HostLinks(committed, cast(Writer, None), 1, "tcp:192.0.2.100:6642", door)
        served, publish = links.handlers(), committed.publish
    guards = [] if arguments.bare else [Guard(anybody, _unwatched)]
    serving = server([served], [arguments.address], guards, HOST_OPTIONS, door.credentials())
    await serving.start()
    await _obey(world, arguments.hosts, publish)
    await serving.stop(0)


async def _obey(world: World, hosts: int, publish: Callable[[World, frozenset[str]], None]) -> None:
    """Do what is asked for on standard input."""
    _settled("ready")
    draft = Draft(world)
    while (command := await asyncio.to_thread(sys.stdin.readline)) and command.strip():
        if command.strip() == "prepare":
            draft = _changed(draft.world, hosts)
            _settled("prepared")
        else:
            publish(draft.world, frozenset(draft.touched))


def _settled(word: str) -> None:
    """Say something, with all that there is out of the garbage collector's way, as in a controller."""
    gc.collect()
    gc.freeze()
    print(word, flush=True)


def _world(hosts: int, known_ports: int) -> World:
    """Return a World in which every host is to know the same ports: no more of them could be held."""
    draft = Draft(World())
    for number in range(hosts):
        ip = parse_address("192.0.2.1")
        draft = draft.put(Host(f"hosts/h{number}", Meta(uid="u"), tunnel_ip=ip, agent_version="crowd"))
    for number in range(known_ports):
        draft = draft.put(_port(number, "hosts/h0"))
    known, index = draft.world.group("ports_on", "hosts/h0"), draft.world.index
    for number in range(hosts if known_ports else 0):
        index = index.set(("ports_on", f"hosts/h{number}"), known)
    return World(1, draft.world.resources, index, draft.world.pools)


def _changed(world: World, hosts: int) -> Draft:
    """Return the World with a KiB more for each host."""
    draft = Draft(world)
    for number in range(hosts):
        for _ in range(PORTS_IN_A_KIB):
            draft = draft.put(_port(uuid.uuid4(), f"hosts/h{number}"))
    return draft


def _port(name: object, host: str) -> Port:
    subnet = f"projects/p-{PADDING}/vpcs/v-{PADDING}/subnets/s-{PADDING}"
    port = f"{subnet}/ports/{name}-{PADDING}"
    return Port(port, Meta(uid="u"), mac="0a:00:00:00:00:01", host=host, iface_id=str(uuid.uuid4()))


@contextmanager
def _unwatched(_method: str, **_how: Any) -> Iterator[Outcome]:
    yield Outcome()


class Bare:
    """Sends each stream the same KiB as a controller would, and reads what comes back."""

    def __init__(self) -> None:
        self._queues: list[asyncio.Queue[bytes]] = []
        self._message = _kib()

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        connect: Any = grpc.stream_stream_rpc_method_handler(self.connect)
        return grpc.method_handlers_generic_handler(SERVICE, {"Connect": connect})

    def publish(self) -> None:
        """Have it told."""
        for queue in self._queues:
            queue.put_nowait(self._message)

    async def connect(self, requests: AsyncIterator[bytes], context: Any) -> None:
        """Serve one agent."""
        await anext(aiter(requests))
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queues.append(queue)
        listening = asyncio.create_task(self._listen(requests))
        await context.write(self._message)
        while not listening.done():
            await context.write(await queue.get())

    async def _listen(self, requests: AsyncIterator[bytes]) -> None:
        async for _ in requests:
            pass


def _kib() -> bytes:
    response = ConnectResponse()
    desired = response.desired
    desired.version, desired.base_version, desired.nonce, desired.epoch = "v" * 40, "v" * 40, "1", 1
    for number in range(PORTS_IN_A_KIB):
        port = _port(f"{number:036}", "")
        desired.put[port.name].port.iface_id, desired.put[port.name].port.mac = port.iface_id, port.mac or ""
    return response.SerializeToString()


if __name__ == "__main__":
    main()
