"""Clients by HTTP who send slowly, or much, and read nothing: they are given up, and the others are served."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from controller_site import Controller, controlling
from http2_flood import pipelined
from http_client import ask
from hypothesis import given
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from test_limits import MIB, resident, seconds

from fuzzing import damaged, fuzzing, kept
from headgate_controller.web import connections
from headgate_controller.web.server import HttpServer
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until

SECONDS = 10.0
STATE = "/terraform/state/p/large"


class Site:
    """A controller whose HTTP server is reached by TCP and by its unix socket."""

    def __init__(self, directory: Path) -> None:
        self.tcp = f"127.0.0.1:{free_port()}"
        self.unix = f"unix:{directory}/http.sock"
        self.controller = Controller(directory, http_listen=[self.unix, self.tcp], require_tokens=False)


@pytest.fixture(scope="module")
def site(run_directory: Path) -> Iterator[Site]:
    found = Site(run_directory / "http-limits")
    with controlling(found.controller):
        yield found


def connected(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=SECONDS)


def test_10000_requests_of_one_connection_that_reads_nothing_cost_bounded_memory_and_nobody_else(site: Site) -> None:
    state = json.dumps({"serial": 1, "content": "x" * (4 * MIB)}).encode()
    assert ask(site.unix, STATE, "POST", state).status == 200
    before = resident(site.controller)
    request = f"GET {STATE} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(closing(pipelined(site.tcp, request, 500)))
        slowest = max(seconds(lambda: ask(site.unix, "/healthz")) for _ in range(20))
        grown = resident(site.controller) - before
    print(f"10,000 unread states of 4 MiB: memory +{grown / MIB:.0f} MiB, others answered within {slowest:.2f} s")
    assert grown < 200 * MIB
    assert slowest < 2
    wait_until(lambda: ask(site.unix, STATE).body == state, seconds=SECONDS, what="whoever reads to get it whole")


def test_connections_of_one_machine_leave_room_for_those_of_others(site: Site) -> None:
    with ExitStack() as stack:
        for _ in range(connections.MOST_OF_MACHINE):
            opened = stack.enter_context(closing(connected(site.tcp)))
            opened.sendall(b"GET /healthz HTTP/1.1\r\n")
        refused = ask(site.tcp, "/healthz")
        assert (refused.status, "100 are the most; close some" in refused.text) == (503, True)
        assert ask(site.unix, "/healthz").status == 200
    wait_until(lambda: ask(site.tcp, "/healthz").status == 200, seconds=SECONDS, what="room, once they are closed")


def test_a_head_of_no_end_is_refused(site: Site) -> None:
    with closing(connected(site.tcp)) as opened:
        opened.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 100_000)
        assert opened.recv(100).startswith(b"HTTP/1.1 400 ")
    assert ask(site.tcp, "/healthz").status == 200


def test_nothing_that_clients_do_wrong_is_logged(site: Site) -> None:
    before = site.controller.log.stat().st_size
    for _ in range(50):
        with closing(connected(site.tcp)) as opened:
            opened.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
            opened.recv(100)
        ask(site.tcp, "/healthz", headers={"Connection": "upgrade", "Upgrade": "websocket"})
    assert site.controller.log.stat().st_size == before


@fuzzing(100)
@given(damaged(kept("http")))
def test_fuzz_damaged_requests_by_http_break_nothing_and_lose_no_state(site: Site, data: bytes) -> None:
    kept_state, path = b'{"serial": 7}', "/terraform/state/p/kept"
    if ask(site.unix, path).status == 404:
        assert ask(site.unix, path, "POST", kept_state).status == 200
    with closing(connected(site.tcp)) as opened, suppress(OSError):
        opened.sendall(data)
        opened.shutdown(socket.SHUT_WR)
        while answer := opened.recv(100_000):
            assert b"Traceback" not in answer
            assert b" 500 " not in answer
    assert ask(site.unix, path).body == kept_state
    assert not site.controller.ended


BODY = "/body"
CASES = {
    "nothing": (b"", b"head of the request has not arrived within 0.3 seconds"),
    "half a head": (b"GET /body HTTP/1.1\r\nHost:", b"head of the request has not arrived within 0.3 seconds"),
    "half a body": (
        b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
        b"body of the request has not arrived within 0.3 seconds",
    ),
}


@pytest.mark.parametrize("sent", CASES)
def test_a_client_that_sends_slowly_is_given_up_with_words(
    monkeypatch: pytest.MonkeyPatch, run_directory: Path, sent: str
) -> None:
    data, words = CASES[sent]
    for name, value in (("LOOK_SECONDS", 0.1), ("HEAD_SECONDS", 0.3), ("BODY_SECONDS", 0.3)):
        monkeypatch.setattr(connections, name, value)

    async def act(address: str) -> bytes:
        reader, writer = await asyncio.open_unix_connection(address)
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(), SECONDS)
        writer.close()
        return answer

    answer = served(run_directory, act)
    assert (answer[:12], words in answer) == (b"HTTP/1.1 408", True), answer


@pytest.mark.parametrize("reads", [True, False], ids=["slowly", "never"])
def test_a_client_that_reads_nothing_is_given_up_and_one_that_reads_slowly_is_not(
    monkeypatch: pytest.MonkeyPatch, run_directory: Path, reads: bool
) -> None:
    for name, value in (("LOOK_SECONDS", 0.1), ("STALLED_SECONDS", 0.8)):
        monkeypatch.setattr(connections, name, value)

    async def act(address: str) -> int:
        reader, writer = await asyncio.open_unix_connection(address, limit=1_000)
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = 0
        if not reads:
            await asyncio.sleep(2)
        while data := await reader.read(PART if reads else -1):
            got += len(data)
            await asyncio.sleep(0.02 if reads else 0)
        writer.close()
        return got

    got = served(run_directory, act)
    assert (got > LARGE) is reads


PART, LARGE = 200_000, 20_000_000


def served(directory: Path, act: object) -> object:
    """Return what a client comes to with a server of this process."""

    async def large(_request: Request) -> object:
        async def send_all(scope: object, receive: object, send: object) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
            for _ in range(LARGE // PART):
                await send({"type": "http.response.body", "body": b"x" * PART, "more_body": True})  # type: ignore[operator]
            await send({"type": "http.response.body"})  # type: ignore[operator]

        return send_all

    async def body(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def run() -> object:
        address = f"{directory}/limits.sock"
        routes = [Route(BODY, body, methods=["GET", "POST"]), Route("/large", large)]
        server = HttpServer(routes, [f"unix:{address}"])
        await server.start()
        try:
            return await act(address)  # type: ignore[operator]
        finally:
            await server.stop(1)

    return asyncio.run(run())
