"""One process serves all the starts of a Terraform command, and nobody else, and ends with it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from provider_starts import Starter, starting

from headgate_lab.waiting import wait_until
from headgate_terraform import start
from headgate_terraform.start import SIZE, address_of
from terraform import Terraform

HEAVY = {"asyncio", "google", "grpc", "headgate", "logging", "msgpack", "pathlib", "ssl", "subprocess", "typing"}


@pytest.fixture
def starter(installed_provider: dict[str, str]) -> Iterator[Starter]:
    with starting(installed_provider) as starter:
        yield starter


def is_there(process: int) -> bool:
    """Whether a process runs; one that nobody has taken note of yet (Z) does not."""
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(") ")[2][0] != "Z"


def sockets(environment: dict[str, str]) -> list[Path]:
    return list(Path(environment["PLUGIN_UNIX_SOCKET_DIR"]).iterdir())


def test_all_starts_of_a_command_are_served_by_one_process_that_ends_with_it(
    starter: Starter, installed_provider: dict[str, str]
) -> None:
    starts = [starter.start() for _ in range(3)]
    keepers = {start.served_by for start in starts}
    assert len(keepers) == 1
    assert len({start.handshake.split("|")[3] for start in starts}) == len(starts), "each has a socket of its own"
    starter.process.kill()
    starter.process.wait()
    processes = keepers | {start.process for start in starts}
    wait_until(lambda: not any(map(is_there, processes)), seconds=10, what="all of its processes to end", every=0.01)
    assert sockets(installed_provider) == []


def test_a_later_start_of_a_command_imports_next_to_nothing(starter: Starter) -> None:
    starter.start()
    later = starter.start(sys.executable, "-X", "importtime", "-m", "headgate_terraform")
    _, errors = starter.end(later)
    lines = [line for line in errors.splitlines() if line.startswith("import time:")]
    imported = {line.rsplit("|", 1)[1].strip() for line in lines}
    assert "headgate_terraform.start" in imported
    assert {name for name in imported if name.split(".")[0] in HEAVY} == set()
    assert {name for name in imported if name.startswith("headgate_terraform.")} <= {
        *("headgate_terraform.__main__", "headgate_terraform.start")
    }


def test_a_start_that_has_ended_keeps_nothing_open_and_no_socket(
    starter: Starter, installed_provider: dict[str, str]
) -> None:
    first, second = starter.start(), starter.start()
    keeper = first.served_by
    assert starter.end(first) == ("", "")
    assert starter.end(second) == ("", "")
    wait_until(lambda: not sockets(installed_provider), seconds=10, what="the sockets to go", every=0.01)
    assert is_there(keeper)
    assert starter.start().served_by == keeper


def test_a_start_with_another_environment_or_directory_serves_itself(starter: Starter) -> None:
    keeper = starter.start().served_by
    other = starter.start(HEADGATE_PROJECT="other")
    elsewhere = starter.start("sh", "-c", f"cd / && exec {sys.executable} -m headgate_terraform")
    assert (other.served_by, elsewhere.served_by) == (other.process, elsewhere.process)
    same = starter.start(PLUGIN_CLIENT_CERT="new for each start", PLUGIN_PROTOCOL_VERSIONS="in any order")
    assert same.served_by == keeper


def test_a_start_of_a_release_that_was_installed_meanwhile_serves_itself(starter: Starter, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    shutil.copytree(Path(start.__file__).parent, installed / "headgate_terraform")
    keeper = starter.start(PYTHONPATH=str(installed)).served_by
    assert starter.start(PYTHONPATH=str(installed)).served_by == keeper
    os.utime(installed / "headgate_terraform" / "start.py")
    later = starter.start(PYTHONPATH=str(installed))
    assert later.served_by == later.process


def test_a_process_that_the_same_terraform_did_not_start_is_not_served(starter: Starter) -> None:
    starter.start()
    tell = "from headgate_terraform.start import circumstances; print(circumstances().hex(), flush=True); input()"
    wanted = bytes.fromhex(starter.start(sys.executable, "-c", tell).handshake)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address_of(starter.process.pid))
        with suppress(BrokenPipeError):
            socket.send_fds(connection, [SIZE.pack(len(wanted))], [2])
            connection.sendall(wanted)
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


STRANGER = """
import socket, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1].replace("@", chr(0)))
    listener.listen()
    print(flush=True)
    print(len(listener.accept()[0].recv(1000)), flush=True)
"""


def test_nothing_is_told_to_a_process_of_another_session_that_has_taken_the_address(starter: Starter) -> None:
    address = address_of(starter.process.pid).replace("\0", "@")
    command = [sys.executable, "-c", STRANGER, address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        served_by = starter.start().served_by
        assert (stranger.stdout.readline(), served_by != stranger.pid) == ("0\n", True)


def test_after_the_process_that_serves_has_died_the_next_start_begins_another(starter: Starter) -> None:
    first = starter.start()
    keeper = first.served_by
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: not is_there(first.process), seconds=10, what="its start to end", every=0.01)
    assert is_there(starter.start().served_by)


def test_where_processes_cannot_be_watched_each_start_serves_itself(starter: Starter) -> None:
    without = "import os, sys; del os.pidfd_open; from headgate_terraform.__main__ import main; sys.exit(main())"
    starts = [starter.start(sys.executable, "-c", without) for _ in range(2)]
    assert [start.served_by for start in starts] == [start.process for start in starts]


def test_of_all_starts_that_terraform_makes_only_the_first_imports_grpc(
    installed_terraform: Terraform, installed_provider: dict[str, str], tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -X importtime -m headgate_terraform 2>"{tmp_path}/said.$$"\n')
    program.chmod(0o755)
    installed_terraform.environment = installed_provider | {"HEADGATE_TF_PROVIDER": str(program)}
    installed_terraform.write('resource "headgate_vpc" "shop" {\n  name = "shop"\n}\n')
    installed_terraform.run("init", "-no-color")
    for command in (("apply", "-auto-approve"), ("plan",), ("destroy", "-auto-approve")):
        installed_terraform.run(*command, "-no-color")
        said = list(tmp_path.glob("said.*"))
        assert len(said) >= 3, "Terraform starts the provider for each of its phases"
        assert [bool(re.search(r"\| +grpc$", file.read_text(), re.MULTILINE)) for file in said].count(True) == 1
        for file in said:
            file.unlink()
