"""A stand-in for Terraform that starts the provider, as often as it is told, and passes on what that says."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from headgate_terraform.start import COOKIE, peer_of

PROVIDER = (sys.executable, "-m", "headgate_terraform")

TERRAFORM = """
import json, subprocess, sys
processes = []
for line in sys.stdin:
    order = json.loads(line)
    if "command" in order:
        pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
        processes.append(subprocess.Popen(order["command"], env=order["environment"], text=True, **pipes))
        answer = processes[-1].pid, processes[-1].stdout.readline()
    else:
        process = processes[order["end"]]
        process.terminate()
        answer = process.communicate(timeout=10)
    print(json.dumps(answer), flush=True)
"""


@dataclass(frozen=True)
class Start:
    """A start of the provider: which it was, its process, and the handshake."""

    number: int
    process: int
    handshake: str

    @property
    def served_by(self) -> int:
        """The process that serves it."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.handshake.split("|")[3])
            return peer_of(connection)[0]


class Starter:
    """The stand-in."""

    def __init__(self, process: "subprocess.Popen[str]", environment: Mapping[str, str]) -> None:
        self.process = process
        self._environment = {**environment, COOKIE[0]: COOKIE[1]}
        self._starts = 0

    def start(self, *command: str, **environment: str) -> Start:
        """Start the provider, and wait for the handshake."""
        process, handshake = self._told(command=command or PROVIDER, environment=self._environment | environment)
        self._starts += 1
        return Start(self._starts - 1, process, handshake)

    def end(self, start: Start) -> tuple[str, str]:
        """End a start; return what else it said, and the errors, once nobody can say more."""
        said, errors = self._told(end=start.number)
        return said, errors

    def _told(self, **order: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@contextmanager
def starting(environment: Mapping[str, str]) -> Iterator[Starter]:
    """Have a stand-in for Terraform while the block runs."""
    command = [sys.executable, "-c", TERRAFORM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Starter(process, environment)
        finally:
            process.kill()
