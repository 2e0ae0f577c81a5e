"""Telling the service manager that a program serves, so that `systemctl start` returns no sooner.

Source: sd_notify(3).
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

SOCKET = "NOTIFY_SOCKET"
"""Variable of the environment: where the service manager listens, if it wants to know."""


def tell_ready() -> None:
    """Tell it, if there is one; a service manager that does not listen is no reason to fail."""
    address = os.environ.get(SOCKET, "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
        notifying.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)
