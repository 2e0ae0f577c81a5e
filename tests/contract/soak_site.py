"""What a soak is made of: clients that change everything at random, waiters, a watcher, hosts, and faults."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from random import Random
from typing import Any

import grpc
from controller_site import Central, Controller
from host_stream import HostStream
from ledger import Ledger
from random_load import HOSTS, SCHEMA, Load, Sent

from headgate.v1 import intent_pb2, intent_pb2_grpc
from headgate_lab.waiting import wait_until

SECONDS = 60.0
PAUSE_SECONDS = 0.03
"""Between two requests of a client, on average."""

WAITED_SECONDS = 3
"""How long a waiter waits for realisation at most."""

AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
"""The answers after which nobody knows what has become of a request."""

SOON = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)


class Client:
    """Changes everything at random, and sends what is not answered again, as the same request; waits for some of it."""

    def __init__(self, endpoint: str, seed: int, mark: str, ledger: Ledger) -> None:
        self.load = Load(Random(seed), mark)
        self._ledger = ledger
        self._channel = grpc.insecure_channel(endpoint, options=SOON)
        self._intent = intent_pb2_grpc.IntentServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._waiters = ThreadPoolExecutor(4)
        self.waiting: list[Future[None]] = []

    def run(self, stopped: threading.Event) -> None:
        """Change until `stopped`; then nothing is unanswered."""
        while not stopped.wait(self.load.chance.expovariate(1 / PAUSE_SECONDS)):
            self.ask(self.load.next())

    def ask(self, sent: Sent) -> None:
        """Send a request until it is answered."""
        call = self._channel.unary_unary(sent.method)
        self._ledger.asked(sent)
        while True:
            try:
                answer = call(sent.message.SerializeToString(), timeout=SECONDS, wait_for_ready=True)
                break
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.INTERNAL:
                    raise
                if error.code() not in AGAIN:
                    answer = None
                    break
        self._ledger.heard(sent.id, answer)
        self.load.answered(sent, refused=answer is None)
        if answer is not None and self.load.chance.random() < 0.1:
            self.waiting.append(self._waiters.submit(self._wait, sent.names[-1]))

    def _wait(self, name: str) -> None:
        request = intent_pb2.AwaitRealisedRequest(name=name)
        request.deadline.seconds = WAITED_SECONDS
        # It may be gone, and its controller too; but somebody answers.
        with suppress(grpc.RpcError):
            self._intent.AwaitRealised(request, timeout=SECONDS, wait_for_ready=True)

    def settle(self) -> None:
        """See that no waiter waits for longer than it wanted to."""
        for waiter in self.waiting:
            waiter.result(WAITED_SECONDS + SECONDS)
        self.waiting.clear()

    def close(self) -> None:
        self._waiters.shutdown()
        self._channel.close()


class Watcher:
    """Follows every change, and knows by that what there is: names and etags."""

    def __init__(self, endpoint: str) -> None:
        self.there: dict[str, str] = {}
        self.seen = 0
        """All changes up to this revision have been told."""
        self._endpoint = endpoint
        self._call: Any = None
        self._closed = False
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        with grpc.insecure_channel(self._endpoint, options=SOON) as channel:
            stub = intent_pb2_grpc.IntentServiceStub(channel)  # type: ignore[no-untyped-call]
            while not self._closed:
                if self.seen == 0:
                    self.there.clear()
                request = intent_pb2.WatchRequest(after_revision=self.seen)
                self._call = stub.Watch(request, wait_for_ready=True)
                with suppress(grpc.RpcError):
                    for response in self._call:
                        self._take(response, began=request.after_revision)

    def _take(self, response: intent_pb2.WatchResponse, began: int) -> None:
        if not response.name:
            self.seen = response.revision
            return
        # What there was at first comes by name. Later a revision is whole only when another, or a mark, follows.
        if began or self.seen:
            self.seen = response.revision - 1
        if response.HasField("resource"):
            self.there[response.name] = _etag(response.resource)
        else:
            self.there.pop(response.name, None)

    def cut(self) -> None:
        """Lose the connection; it comes back by itself."""
        self._call.cancel()

    def close(self) -> None:
        self._closed = True
        self.cut()
        self._thread.join(SECONDS)


def listed(endpoint: str) -> tuple[int, dict[str, str]]:
    """Return the newest revision, and the etags of everything that there is."""
    with grpc.insecure_channel(endpoint, options=SOON) as channel:
        stub = intent_pb2_grpc.IntentServiceStub(channel)  # type: ignore[no-untyped-call]
        there = {}
        for response in stub.Watch(intent_pb2.WatchRequest(), timeout=SECONDS, wait_for_ready=True):
            if not response.name:
                return int(response.revision), there
            there[response.name] = _etag(response.resource)
    raise AssertionError("the list did not end")


def _etag(packed: Any) -> str:
    message: Any = SCHEMA.codecs[packed.TypeName()].message.FromString(packed.value)
    return str(message.etag)


class Agent:
    """A host that connects again whenever its stream ends, and does all that it is told."""

    def __init__(self, endpoint: str, host: str) -> None:
        self._endpoint, self._host = endpoint, host
        self._stream: HostStream | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def _live(self) -> None:
        while not self._closed:
            self._stream = HostStream(self._endpoint)
            self._stream.hello(self._host, networks={"provider": "br-ex"})
            # It ends with an error of the controller's, or with nothing said for some seconds.
            with suppress(AssertionError, queue.Empty):
                while not self._closed:
                    self._stream.accept()
            self._stream.close()

    def cut(self) -> None:
        """Lose the connection; it comes back by itself."""
        if self._stream is not None:
            self._stream._call.cancel()

    def close(self) -> None:
        self._closed = True
        self.cut()
        self._thread.join(SECONDS)


class Faults:
    """What happens to the site; each fault is over when its method returns, or will be by itself."""

    def __init__(self, chance: Random, controller: Controller, site: Central, watcher: Watcher) -> None:
        self.agents = [Agent(controller.hosts, name.removeprefix("hosts/")) for name in HOSTS]
        self._chance = chance
        self._controller, self._site, self._watcher = controller, site, watcher
        self._idle = threading.Event()

    def of_the_controller(self) -> list[Callable[[], None]]:
        """Return those that end the controller's process."""
        return [self.controller_killed, self.controller_stopped]

    def of_others(self) -> list[Callable[[], None]]:
        """Return those that the controller must live with."""
        return [
            self.northbound_killed,
            self.northbound_emptied,
            self.northbound_paused,
            self.northbound_edited,
            self.southbound_killed,
            self.database_busy,
            self.watch_cut,
            self.host_cut,
        ]

    def controller_killed(self) -> None:
        self._controller.kill()
        self._controller.start()

    def controller_stopped(self) -> None:
        self._controller.stop()
        self._controller.start()

    def northbound_killed(self) -> None:
        self._site.nb.compact()
        self._site.nb.kill()
        self._pause(0.5)
        self._site.nb.start()

    def northbound_emptied(self) -> None:
        self._site.nb.kill()
        self._site.nb.start(empty=True)

    def northbound_paused(self) -> None:
        self._site.nb.suspend(stopped=True)
        self._pause(2.0)
        self._site.nb.suspend(stopped=False)

    def northbound_edited(self) -> None:
        """Take a switch away, or rename it."""
        rows = self._site.nbctl("--bare", "--columns=_uuid", "list", "Logical_Switch").split()
        if rows:
            row = self._chance.choice(rows)
            edit = self._chance.choice((("destroy",), ("set", "name=edited")))
            self._site.nbctl("--if-exists", edit[0], "Logical_Switch", row, *edit[1:])

    def southbound_killed(self) -> None:
        self._site.sb.compact()
        self._site.sb.kill()
        self._site.sb.start()

    def database_busy(self) -> None:
        """Hold the database, sometimes for longer than the controller waits."""
        with closing(sqlite3.connect(self._controller.database, timeout=SECONDS, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            self._pause(5.0)
            other.execute("ROLLBACK")

    def watch_cut(self) -> None:
        self._watcher.cut()

    def host_cut(self) -> None:
        self._chance.choice(self.agents).cut()

    def _pause(self, most: float) -> None:
        self._idle.wait(self._chance.uniform(0, most))

    def close(self) -> None:
        for agent in self.agents:
            agent.close()


def await_ready(controller: Controller, answers: Callable[[], bool]) -> None:
    """Return when a controller is in step with OVN."""
    wait_until(lambda: answers() or controller.ended, seconds=SECONDS, what="the controller to be in step", every=0.02)
    assert not controller.ended, controller.said()[-2000:]
