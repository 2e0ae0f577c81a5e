"""ovn-controller, through its control socket.

Each new one is told not to limit its log: of 40 rows that it could not use it named one until told so. It tells
nobody when it loses its Southbound database, so that has to be asked.

Source: ovn-controller(8), ovs-appctl(8); the socket speaks JSON-RPC.
"""

import asyncio
import json
import logging
import os
import re
from pathlib import Path

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
"""How long an answer may take; ovn-controller answers between two computations."""

Identity = tuple[str, int, int]
"""One daemon's socket, by name, inode and time."""

_SOCKET = re.compile(r"ovn-controller\.(\d+)\.ctl")


class ControlError(OSError):
    """A daemon does not answer on its control socket, or answers with an error."""


async def control(path: Path, method: str, *params: str) -> str:
    """Return what the daemon with control socket `path` answers to `method`.

    Raises:
        ControlError: it does not answer, or refuses.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(json.dumps({"id": 0, "method": method, "params": params}).encode())
                answer = await _answer(reader)
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise ControlError(f"{path.name} does not answer to {method}: {error}") from error
    if answer.get("error"):
        raise ControlError(f"{path.name} refuses {method}: {answer['error']}")
    return str(answer.get("result") or "").strip()


async def _answer(reader: asyncio.StreamReader) -> dict[str, object]:
    """Return the first JSON object; the stream stays open after it and no byte marks its end."""
    text = b""
    while part := await reader.read(1 << 16):
        text += part
        try:
            answer = json.loads(text)
        except ValueError:
            continue
        return answer if isinstance(answer, dict) else {}
    raise ControlError("the connection was closed")


class OvnController:
    """The ovn-controller of this host, whichever runs now."""

    def __init__(self, rundir: Path) -> None:
        self._rundir = rundir
        self._told: set[Identity] = set()
        self._versions: dict[Identity, str] = {}

    async def unlimit_log(self) -> None:
        """Tell each ovn-controller that was not told yet to log every row it cannot use; idempotent.

        Raises:
            ControlError: one is there and does not answer.
        """
        for path in self._sockets():
            identity = _identity(path)
            if identity not in self._told:
                await control(path, "vlog/disable-rate-limit", "lflow")
                self._told.add(identity)
                log.info("ovn-controller log unlimited", extra={"socket": path.name})

    async def connected(self) -> bool:
        """Return whether it is connected to the Southbound database; without one it is not."""
        for path in self._sockets():
            try:
                return await control(path, "connection-status") == "connected"
            except ControlError:
                continue
        return False

    async def recompute(self) -> None:
        """Have it compute all flows anew; those that are right stay in force meanwhile."""
        for path in self._sockets():
            try:
                await control(path, "inc-engine/recompute")
            except ControlError as error:
                log.warning("ovn-controller not asked to compute anew", extra={"reason": str(error)})

    async def version(self) -> str:
        """Return its version ("23.03.1"), asked once of each; empty if none answers."""
        for path in self._sockets():
            try:
                identity = _identity(path)
                if identity not in self._versions:
                    self._versions = {identity: (await control(path, "version")).partition("\n")[0].split()[-1]}
                return self._versions[identity]
            except (OSError, IndexError):
                continue
        return ""

    def _sockets(self) -> list[Path]:
        """Return the sockets whose daemon lives; one that was killed leaves its socket behind."""
        found = []
        for path in self._rundir.glob("ovn-controller.*.ctl"):
            match = _SOCKET.fullmatch(path.name)
            if match and _alive(int(match[1])):
                found.append(path)
        return found


def _identity(path: Path) -> Identity:
    """Return what tells the daemon behind a socket from another that has its number later."""
    status = path.stat()
    return path.name, status.st_ino, status.st_ctime_ns


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
