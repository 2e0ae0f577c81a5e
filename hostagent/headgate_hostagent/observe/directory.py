"""The kernel's own word that a file came into a directory or went from it.

Source: inotify(7).
"""

import asyncio
import ctypes
import os
from collections.abc import Callable
from pathlib import Path

_CREATE, _DELETE, _MOVED_FROM, _MOVED_TO = 0x100, 0x200, 0x40, 0x80
_CHANGES = _CREATE | _DELETE | _MOVED_FROM | _MOVED_TO
_GONE = 0x400 | 0x800
"""IN_DELETE_SELF and IN_MOVE_SELF: the directory itself is no longer there."""

_RETRY_SECONDS = 1.0
"""How often to look for a directory that is not there; its parent may not be there either."""


class DirectoryWatch:
    """Calls `on_change` on the event loop when a file comes into `path` or goes.

    The directory may come, go and come again (run directories do with their services); that is a change too.
    """

    def __init__(self, path: Path, on_change: Callable[[], None]) -> None:
        self._path = path
        self._on_change = on_change
        self._descriptor = -1
        self._retry: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch from now on; needs a running event loop."""
        library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot be used")
        if library.inotify_add_watch(self._descriptor, os.fsencode(self._path), _CHANGES | _GONE) < 0:
            self.close()
            self._retry = asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._again)
            return
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def close(self) -> None:
        """Watch no more."""
        if self._retry:
            self._retry.cancel()
            self._retry = None
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> None:
        try:
            events = os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            return
        if _has_gone(events):
            self.close()
            self.start()
        self._on_change()

    def _again(self) -> None:
        self._retry = None
        self.start()
        if self._descriptor >= 0:
            self._on_change()


def _has_gone(events: bytes) -> bool:
    offset = 0
    while offset + 16 <= len(events):
        mask = int.from_bytes(events[offset + 4 : offset + 8], "little")
        if mask & _GONE:
            return True
        offset += 16 + int.from_bytes(events[offset + 12 : offset + 16], "little")
    return False
