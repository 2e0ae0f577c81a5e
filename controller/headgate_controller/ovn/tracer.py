"""Asks ovn-trace, and finds the Northbound rows behind the flows that decided.

A process for each question: it reads Southbound as it is now, which a daemon of ovn-trace does only once, at its start
(docs/decisions/0011-a-trace-is-a-process.md).
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from headgate_common.identity import IdentityFiles
from headgate_common.ovsdb import OvsdbError
from headgate_common.pki import PkiError
from headgate_controller.errors import UnavailableError
from headgate_controller.tracing.packet import Packet

from .dial import Address

PROGRAM = "ovn-trace"
LONGEST_SECONDS = 30.0
MOST_AT_ONCE = 2
"""Processes at a time, each of which reads all of Southbound; who asks meanwhile waits."""

DATABASE = "OVN_Southbound"


class Tracer:
    """Southbound's logical flows, asked one packet at a time."""

    def __init__(self, remote: str, pki_dir: Path = Path()) -> None:
        self._address = Address(remote, pki_dir)
        # Not the threads that everybody uses: those would all wait for ovn-trace.
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "trace")

    async def trace(self, packet: Packet) -> str:
        """Return what ovn-trace prints for a packet.

        Raises:
            UnavailableError: it is not installed, cannot read Southbound, or does not know the switch yet.
        """
        if shutil.which(PROGRAM) is None:
            raise UnavailableError(f"{PROGRAM} is not installed on the controller's machine: install ovn-common there.")
        command = [PROGRAM, f"--db={self._address.remote}", *self._certificate(), packet.switch, packet.flow]
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._threads, _run, command)
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"{PROGRAM} did not answer within {LONGEST_SECONDS:g} s; try again.") from None
        if done.returncode:
            words = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise UnavailableError(f"{PROGRAM} ended with status {done.returncode}: {words}")
        return done.stdout.decode(errors="replace")

    def _certificate(self) -> list[str]:
        """Return the options by which ovn-trace is told how to prove itself, where it must. Source: ovn-trace(8)."""
        if not self._address.remote.startswith("ssl:"):
            return []
        files = IdentityFiles(self._address.pki_dir)
        return [f"--private-key={files.identity}", f"--certificate={files.identity}", f"--ca-cert={files.ca}"]

    async def rows_behind(self, stages: Iterable[str]) -> Mapping[str, str]:
        """Return, for each flow of some stages by the beginning of its UUID, the beginning of its Northbound row's.

        Raises:
            UnavailableError: Southbound does not answer.
        """
        queries: list[dict[str, Any]] = [
            {
                "op": "select",
                "table": "Logical_Flow",
                "where": [["external_ids", "includes", ["map", [["stage-name", stage]]]]],
                "columns": ["_uuid", "external_ids"],
            }
            for stage in sorted(set(stages))
        ]
        try:
            connection = await self._address.dial()
            try:
                results = await connection.transact(DATABASE, queries)
            finally:
                await connection.close()
        except (OSError, OvsdbError, PkiError) as error:
            raise UnavailableError(f"OVN Southbound does not answer: {error}") from error
        flows = [row for result in results for row in result.get("rows", ())]
        hints = {row["_uuid"][1][:8]: dict(row["external_ids"][1]).get("stage-hint", "") for row in flows}
        return {flow: hint for flow, hint in hints.items() if hint}


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Return how a program ended: not by asyncio, since uvloop forks, and gRPC's handlers for that now and then crash
    the child; subprocess does not.
    """
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_SECONDS, check=False)
