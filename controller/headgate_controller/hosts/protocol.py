"""Which version of the host stream an agent and this controller speak with each other.

Version 1 is Hello, Desired, Ack, Nack and Report. Version 2 adds Welcome and Trust.
"""

from __future__ import annotations

from headgate.v1.host_link_pb2 import Hello
from headgate_controller.errors import InvalidError, Violation

OLDEST, NEWEST = 1, 2
"""What this controller speaks. Agents are upgraded after controllers, one release behind at most."""

WELCOMES = 2
"""The version from which on Hello is answered."""


def agreed(hello: Hello) -> int:
    """Return the newest version that both speak.

    Raises:
        InvalidError: there is none.
    """
    newest, oldest = hello.protocol, hello.oldest_protocol or hello.protocol
    version = min(newest, NEWEST)
    if version >= OLDEST and version >= oldest:
        return version
    older = "agent" if newest < OLDEST else "controller"
    text = (
        f"The agent speaks {_versions(oldest, newest)} of the host protocol, this controller "
        f"{_versions(OLDEST, NEWEST)}; upgrade the {older}."
    )
    raise InvalidError("", [Violation("hello.protocol", "UNKNOWN_PROTOCOL", text)])


def _versions(oldest: int, newest: int) -> str:
    return f"version {newest}" if oldest == newest else f"versions {oldest} to {newest}"
