"""`headgate watch`, `get --watch` and `wait` against a real controller, as programs of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest
from controller_site import Controller, controlling, environment

from api import Api
from command_line import CommandLine
from headgate_lab.waiting import wait_until

SECONDS = 15.0
HEADGATE = str(Path(sys.executable).with_name("headgate"))


class Running:
    """`headgate` as a program that goes on; its lines, as they come."""

    def __init__(self, controller: Controller, *argv: str) -> None:
        variables = environment() | {"HEADGATE_ENDPOINTS": controller.api}
        self.process = subprocess.Popen(
            [HEADGATE, *argv], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def line(self) -> str:
        """Return the next line."""
        try:
            return self.lines.get(timeout=SECONDS)
        except Empty:
            raise AssertionError(f"no further line within {SECONDS} s") from None

    def until(self, words: str) -> list[str]:
        """Return the lines up to one that ends with these words."""
        lines = [self.line()]
        while not lines[-1].endswith(words):
            lines.append(self.line())
        return lines

    def first(self, act: Callable[[int], object]) -> str:
        """Act until there is a line: when the program has begun to look cannot be seen from outside."""
        attempts = iter(range(1000))

        def seen() -> bool:
            act(next(attempts))
            return not self.lines.empty()

        wait_until(seen, seconds=SECONDS, what="a first line", every=0.2)
        return self.line()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; return how it ended, and what it said on standard error."""
        self.process.send_signal(number)
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        return self.process.wait(SECONDS), said


@pytest.fixture
def start(shared_controller: Controller) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def started(*argv: str, controller: Controller = shared_controller) -> Running:
        running.append(Running(controller, *argv))
        return running[-1]

    yield started
    for one in running:
        one.process.kill()
        one.process.communicate()


Start = Callable[..., Running]


def test_watch_shows_each_change_as_it_is_made(start: Start, api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    api.create(vpc)
    watch = start("watch", "vpcs", "-p", project)
    first = watch.first(lambda n: api.update(vpc, description=f"{n}"))
    assert f" ~ vpc {vpc}; " in first
    assert "description: " in first
    api.update(vpc, display_name="Corner")
    watch.until(f"~ vpc {vpc}; + display_name: Corner")
    api.create(f"projects/{project}/vpcs/bank")
    assert watch.line().endswith(f"+ vpc projects/{project}/vpcs/bank")
    api.delete(vpc)
    assert watch.line().endswith(f"- vpc {vpc}")


def test_watch_for_programs_is_an_object_on_each_line_and_goes_on_from_a_revision(
    start: Start, api: Api, project: str
) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    since = int(api.create(vpc).etag)
    api.update(vpc, description="Corner")
    api.delete(vpc)
    watch = start("watch", "-p", project, "-o", "json", "--from", str(since))
    changed, deleted = json.loads(watch.line()), json.loads(watch.line())
    assert (changed["change"], changed["type"], changed["name"]) == ("changed", "vpc", vpc)
    assert (changed["revision"], changed["resource"]["description"]) == (since + 1, "Corner")
    assert (deleted["change"], deleted["name"], "resource" in deleted) == ("deleted", vpc, False)


def test_a_watch_survives_a_restart_of_the_controller_and_misses_nothing(start: Start, run_directory: Path) -> None:
    with controlling(Controller(run_directory / "watched")) as controller:
        api = Api(controller.api)
        watch = start("watch", "-p", "shop", controller=controller)
        shown = [watch.first(lambda n: api.create(f"projects/shop/vpcs/first-{n}"))]
        for kill in (controller.stop, controller.kill):
            kill()
            controller.start()
            name = f"projects/shop/vpcs/{kill.__name__}"
            api.create(name)
            shown += watch.until(f"+ vpc {name}")
        api.close()
        status, said = watch.end()
    assert status == -signal.SIGINT, "as every program that Ctrl-C ends: 130 in a shell"
    assert len(shown) == len(set(shown)), "nothing is shown twice"
    assert said.count("No controller is there; trying again") == 2
    assert "Traceback" not in said


def test_a_watch_from_a_revision_that_never_was_says_what_to_do(headgate: CommandLine) -> None:
    printed = headgate("watch", "--from", "1000000000")
    assert printed.status == 1
    assert "leave --from out" in printed.err


def test_get_goes_on_with_the_changes(start: Start, api: Api, project: str) -> None:
    api.create(f"projects/{project}/vpcs/shop")
    got = start("get", "vpcs", "--watch", "-p", project)
    assert got.line().startswith("NAME")
    assert got.line().startswith("shop")
    api.update(f"projects/{project}/vpcs/shop", description="Corner")
    assert got.line().endswith("+ description: Corner")


def test_a_reader_that_has_gone_ends_the_program_quietly(api: Api, project: str, shared_controller: Controller) -> None:
    api.create(f"projects/{project}/vpcs/shop")
    reader, writer = os.pipe()
    os.close(reader)
    argv = [HEADGATE, "get", "vpcs", "-p", project, "--endpoint", shared_controller.api]
    ended = subprocess.run(argv, env=environment(), stdout=writer, stderr=subprocess.PIPE, timeout=SECONDS, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (-signal.SIGPIPE, b"")


def test_a_full_disk_is_said_to_be(api: Api, project: str, shared_controller: Controller) -> None:
    api.create(f"projects/{project}/vpcs/shop")
    argv = [HEADGATE, "get", "vpcs", "-p", project, "--endpoint", shared_controller.api]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            argv, env=environment(), stdout=full, stderr=subprocess.PIPE, timeout=SECONDS, check=False
        )
    words = b"The output cannot be written or read: No space left on device.\n"
    assert (ended.returncode, ended.stderr) == (1, words)


def test_wait_returns_once_a_resource_is_gone(start: Start, api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    api.create(vpc)
    api.create(f"{vpc}/subnets/web", cidr="10.1.0.0/24")
    api.delete(vpc, when_unreferenced=True)
    waiting = start("wait", vpc, "--for", "deleted")
    assert waiting.process.poll() is None
    api.delete(f"{vpc}/subnets/web")
    assert waiting.line() == f"{vpc}: it is gone."
    assert waiting.process.wait(SECONDS) == 0


def test_wait_ends_with_4_when_the_time_is_over(headgate: CommandLine, api: Api, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    api.create(vpc)
    printed = headgate("wait", "vpc", "shop", "--for", "deleted", "--timeout", "0")
    assert (printed.status, printed.err) == (4, f"{vpc}: not so within 0 s; it is as before.\n")


def test_wait_knows_conditions(headgate: CommandLine, api: Api, project: str) -> None:
    vlan = {"physical_network": "nowhere", "id": 7}
    api.create(f"projects/{project}/subnets/net", cidr="10.1.0.0/24", vlan=vlan)
    there = headgate("wait", "subnet", "net", "--for", "condition=NO_HOST_ON_NETWORK")
    assert there.status == 0
    assert "NO_HOST_ON_NETWORK: " in there.out
    gone = headgate("wait", "subnet", "net", "--for", "no-condition=NO_HOST_ON_NETWORK", "--timeout", "0")
    assert gone.status == 4


def test_wait_for_what_is_realised_says_so(headgate: CommandLine, api: Api, project: str) -> None:
    api.create(f"projects/{project}/vpcs/shop")
    printed = headgate("wait", "vpc", "shop")
    assert (printed.status, printed.out) == (0, "Realised.\n")


@pytest.mark.parametrize("what", ["gone", "condition", "condition=", "deleted=now"])
def test_wait_for_nonsense_is_wrong_usage(headgate: CommandLine, what: str) -> None:
    printed = headgate("wait", "vpc", "shop", "--for", what)
    assert printed.status == 2
    assert "write realised" in printed.err
