"""The last accepted desired state on disk: what the agent works from when no controller answers.

It is a cache: a file that is damaged or another host's is set aside, and the agent goes on as if it held nothing,
which deletes nothing. The file is one line of JSON (whose it is, and a checksum) and then the state itself.
"""

import hashlib
import json
import logging
from pathlib import Path

from google.protobuf.message import DecodeError

from headgate.v1 import host_link_pb2 as pb
from headgate_common.files import write_whole
from headgate_hostagent import wire
from headgate_hostagent.objects import Held

log = logging.getLogger(__name__)

FORMAT = 1
"""The version of the file's format."""


class _UnusableError(Exception):
    """The file is not a state of this host; the message says why."""


class DesiredFile:
    """Keeps one host's desired state in its state directory."""

    def __init__(self, state_dir: Path, host: str) -> None:
        self.path = state_dir / "desired"
        self._host = host

    def read(self) -> Held:
        """Return the state on disk, or an empty one if there is none that can be used; changes nothing.

        Raises:
            OSError: the file is there and cannot be read.
        """
        try:
            return self._parse(self.path.read_bytes())
        except (FileNotFoundError, _UnusableError):
            return Held()

    def load(self) -> Held:
        """Return the state on disk like `read`; a file that cannot be used is set aside with a warning.

        Raises:
            OSError: the file is there and cannot be read or set aside.
        """
        try:
            return self._parse(self.path.read_bytes())
        except FileNotFoundError:
            return Held()
        except _UnusableError as error:
            aside = self.path.with_name("desired.unusable")
            self.path.replace(aside)
            log.warning("desired state set aside", extra={"path": aside, "reason": str(error)})
            return Held()

    def save(self, held: Held) -> None:
        """Put `held` on disk, whole or not at all; it has reached the disk when this returns. Blocks.

        Raises:
            OSError: the disk refuses it; what was there before is still there.
        """
        payload = wire.held_to(held).SerializeToString(deterministic=True)
        header = {"format": FORMAT, "host": self._host, "sha256": hashlib.sha256(payload).hexdigest()}
        write_whole(self.path, json.dumps(header).encode() + b"\n" + payload)

    def _parse(self, content: bytes) -> Held:
        line, _, payload = content.partition(b"\n")
        try:
            header = json.loads(line)
            written_by, written_for, checksum = header["format"], header["host"], header["sha256"]
        except (ValueError, KeyError, TypeError):
            raise _UnusableError("its first line is damaged") from None
        if written_by != FORMAT:
            raise _UnusableError(f"it has format {written_by}, not {FORMAT}")
        if written_for != self._host:
            raise _UnusableError(f"it is of host {written_for}, not {self._host}")
        if hashlib.sha256(payload).hexdigest() != checksum:
            raise _UnusableError("its checksum is wrong")
        try:
            return wire.held_from(pb.Desired.FromString(payload))
        except DecodeError:
            raise _UnusableError("its content is damaged") from None
