"""The kernel's devices, read and changed with ip(8)."""

import asyncio
import json
import logging
import subprocess
from collections.abc import Iterable
from typing import Any

from headgate_hostagent.managers.links import AddAddress, BringUp, Link, LinkChange, SetMtu

log = logging.getLogger(__name__)


TIMEOUT_SECONDS = 10
"""How long the kernel may take for one change; it takes milliseconds."""


class IpError(OSError):
    """ip(8) refused; the message is its own."""


async def run(*arguments: str) -> str:
    """Run `ip` and return what it prints.

    In a thread: the event loop's own subprocesses never end if their creation is cancelled (Python 3.11).

    Raises:
        IpError: it failed.
    """
    command = ("ip", *arguments)
    try:
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise IpError(f"{' '.join(command)}: no end within {TIMEOUT_SECONDS} s") from error
    if done.returncode:
        raise IpError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


async def describe(device: str, netns: str = "") -> dict[str, Any] | None:
    """Return what `ip -json -details address show` says of `device`, or None if there is no such device."""
    where = ("-netns", netns) if netns else ()
    try:
        found = json.loads(await run(*where, "-json", "-details", "address", "show", "dev", device) or "[]")
    except IpError as error:
        if "does not exist" in str(error):
            return None
        raise
    return next((entry for entry in found if entry), None)


async def read_links(names: Iterable[str]) -> dict[str, Link]:
    """Return those of the devices that exist."""
    links = {}
    for name in names:
        entry = await describe(name)
        if entry:
            addresses = tuple(f"{item['local']}/{item['prefixlen']}" for item in entry["addr_info"])
            links[name] = Link(name, "UP" in entry["flags"], entry["mtu"], addresses)
    return links


async def change_links(changes: Iterable[LinkChange]) -> None:
    """Make `changes`; one that is made already is no error.

    Raises:
        IpError: the kernel refuses one; those before it are made.
    """
    for change in changes:
        match change:
            case BringUp(device):
                await run("link", "set", "dev", device, "up")
            case SetMtu(device, mtu):
                await run("link", "set", "dev", device, "mtu", str(mtu))
            case AddAddress(device, address):
                await run("address", "replace", address, "dev", device)
        log.info("device changed", extra={"change": change})
