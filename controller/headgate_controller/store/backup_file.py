"""The file of a backup: gzip of lines, each one JSON value.

The first line says what it is: {"format": "headgate-backup", "version": 1, …}. Each table begins with a line
{"table": name, "columns": […]}, and each of its rows is a list of values in that order; bytes are {"bytes": base64}, or
{"sealed": base64, "key": …} if they must not lie about in clear text. The last line, {"sha256": …}, is of all before.
Any later version will begin with such a first line.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import IO, Any, NamedTuple

import orjson

from headgate_controller.errors import HeadgateError

FORMAT, VERSION = "headgate-backup", 1
COMPRESSION = 5
"""Further levels take twice the time for some per cent."""

LONGEST_LINE = 128 * 1024 * 1024
"""Bytes of a line: the largest state, as text."""

LARGEST_NUMBER = 2**31 - 1
HEADER: Mapping[str, type] = {
    "release": str,
    "schema": str,
    "time": int,
    "revision": int,
    "resources": int,
    "states": int,
    "left_out": list,
}
"""What the first line tells besides the format."""

Row = Sequence[Any]


class Sealed(NamedTuple):
    """Bytes that are not in clear text, and the id of the key that opens them."""

    content: bytes
    key: str


class BackupError(HeadgateError):
    """A file is no backup that can be restored here."""

    code, reason = "INVALID_ARGUMENT", "UNUSABLE_BACKUP"


class BackupWriter:
    """Writes one file, line by line; `finish` it."""

    def __init__(self, file: IO[bytes], header: Mapping[str, Any]) -> None:
        self._gzip = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=COMPRESSION, mtime=0)
        self._digest = sha256()
        self._line({"format": FORMAT, "version": VERSION, **header})

    def table(self, name: str, columns: Sequence[str]) -> None:
        """Begin a table."""
        self._line({"table": name, "columns": list(columns)})

    def row(self, values: Row) -> None:
        """Add a row of the table."""
        self._line([_encoded(value) for value in values])

    def finish(self) -> None:
        """Write the checksum, and the end."""
        self._line({"sha256": self._digest.hexdigest()})
        self._gzip.close()

    def _line(self, value: Any) -> None:
        line = orjson.dumps(value) + b"\n"
        self._digest.update(line)
        self._gzip.write(line)


class BackupReader:
    """Reads one file, any number of times. Nothing of it is to be believed before `verify`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.header: Mapping[str, Any] = self._header()

    def verify(self) -> None:
        """See that the file is whole.

        Raises:
            BackupError: it is not.
        """
        digest, last = sha256(), b""
        for line in self._lines():
            digest.update(last)
            last = line
        match _decoded(last):
            case {"sha256": str(said)} if said == digest.hexdigest():
                return
        raise BackupError("The backup is not whole: it ends early, or was changed. Take another copy of it.")

    def rows(self) -> Iterator[tuple[str, Sequence[str], Row]]:
        """Yield the table, its columns, and the values of each row, in the order of the file."""
        table, columns = "", list[str]()
        for line in self._lines():
            match _decoded(line):
                case {"table": str(table), "columns": list(columns)}:
                    pass
                case list(values):
                    yield table, columns, [_value(value) for value in values]

    def _header(self) -> Mapping[str, Any]:
        first = _decoded(next(self._lines(), b""))
        match first:
            case {"format": "headgate-backup", "version": 1}:
                return _checked(first)
            case {"format": "headgate-backup", "version": int(version)}:
                raise BackupError(
                    f"The backup is of format {version}, and this controller reads format {VERSION}: it was made by a "
                    "newer release. Restore it with that release, or a later one."
                )
        raise BackupError("This is no backup of Headgate; `headgate backup FILE` makes one.")

    def _lines(self) -> Iterator[bytes]:
        """Yield every line.

        Raises:
            BackupError: the file cannot be read to its end.
        """
        self._file.seek(0)
        try:
            with gzip.GzipFile(fileobj=self._file, mode="rb") as lines:
                while line := lines.readline(LONGEST_LINE + 1):
                    if len(line) > LONGEST_LINE:
                        raise BackupError(f"This is no backup: a line has more than {LONGEST_LINE} bytes.")
                    yield line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BackupError(f"The backup cannot be read: {error}. Take another copy of it.") from error


def _checked(header: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a header that tells everything.

    Raises:
        BackupError: it does not.
    """
    for name, kind in HEADER.items():
        value = header.get(name)
        most = 1 << 62 if name in ("time", "revision") else LARGEST_NUMBER
        fits = 0 <= value <= most if isinstance(value, int) else True
        if not isinstance(value, kind) or isinstance(value, bool) or not fits:
            raise BackupError(f"The backup's first line does not tell its {name}. Take another copy of it.")
    if not all(isinstance(text, str) for text in header["left_out"]):
        raise BackupError("The backup's first line does not tell what is left out. Take another copy of it.")
    return dict(header)


def _encoded(value: Any) -> Any:
    match value:
        case Sealed(content, key):
            return {"sealed": base64.b64encode(content).decode(), "key": key}
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
    return value


def _value(value: Any) -> Any:
    match value:
        case {"bytes": str(text)}:
            return base64.b64decode(text)
        case {"sealed": str(text), "key": str(key)}:
            return Sealed(base64.b64decode(text), key)
    return value


def _decoded(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
