"""The daemons of Open vSwitch and OVN on this host, through their control sockets.

Source: ovs-appctl(8); the sockets speak JSON-RPC, and are named after program and process.
"""

import asyncio
import json
import os
import re
from pathlib import Path

ANSWER_SECONDS = 5.0
"""How long an answer may take; ovn-controller answers between two computations."""

VSWITCHD, OVN_CONTROLLER = "ovs-vswitchd", "ovn-controller"

Identity = tuple[str, int, int]
"""One daemon's socket, by name, inode and time."""


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
        why = str(error) or f"nothing within {ANSWER_SECONDS:g} s"
        raise ControlError(f"{path.name} does not answer to {method}: {why}") from error
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


def sockets(rundir: Path, program: str) -> list[Path]:
    """Return the sockets of a program's daemons that live; one that was killed leaves its socket behind."""
    pattern = re.compile(rf"{re.escape(program)}\.(\d+)\.ctl")
    found = ((path, pattern.fullmatch(path.name)) for path in rundir.glob(f"{program}.*.ctl"))
    return [path for path, match in found if match and _alive(int(match[1]))]


async def why_silent(rundir: Path, program: str) -> str:
    """Return why no daemon of a program answers; empty if one does."""
    why = f"{program} does not run; see its log, and start it"
    for path in sockets(rundir, program):
        try:
            await control(path, "version")
        except ControlError as error:
            why = f"{program} runs, and does not answer: {error}; see its log, and restart it"
        else:
            return ""
    return why


def identity(path: Path) -> Identity:
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
