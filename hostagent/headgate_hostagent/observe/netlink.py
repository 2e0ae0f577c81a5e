"""The kernel's own word that a device or an address came, changed or went.

Source: rtnetlink(7), netlink(7).
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterator

_GROUPS = 0x1 | 0x10 | 0x100
"""RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR."""

_NEWLINK, _DELLINK, _NEWADDR, _DELADDR = 16, 17, 20, 21
_IFLA_IFNAME = 3
_HEADER = struct.Struct("=IHHII")
_IFINFO = struct.Struct("=BxHiII")
_IFADDR = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")


class LinkWatch:
    """Calls `on_change(device)` on the event loop for each device that changed, or its addresses did.

    An empty name means that any may have: the kernel dropped messages.
    """

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)

    def start(self) -> None:
        """Listen from now on; needs a running event loop."""
        self._socket.setblocking(False)
        self._socket.bind((0, _GROUPS))
        asyncio.get_running_loop().add_reader(self._socket, self._receive)

    def close(self) -> None:
        """Listen no more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: messages were lost
            self._on_change("")
            return
        for device in dict.fromkeys(changed_devices(data)):
            self._on_change(device)


def changed_devices(data: bytes) -> Iterator[str]:
    """Yield the device of each message in `data`; addresses are told by an index, and yield what it names now."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        body = data[offset + _HEADER.size : offset + length]
        if kind in (_NEWLINK, _DELLINK):
            yield _name_in(body[_IFINFO.size :])
        elif kind in (_NEWADDR, _DELADDR):
            yield _name_of(_IFADDR.unpack_from(body)[4])
        offset += _aligned(length)


def _name_in(attributes: bytes) -> str:
    offset = 0
    while offset + _ATTRIBUTE.size <= len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, offset)
        if length < _ATTRIBUTE.size:
            break
        if kind == _IFLA_IFNAME:
            return os.fsdecode(attributes[offset + _ATTRIBUTE.size : offset + length].rstrip(b"\0"))
        offset += _aligned(length)
    return ""


def _name_of(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""


def _aligned(length: int) -> int:
    return (length + 3) & ~3
