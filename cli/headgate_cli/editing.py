"""A resource in the user's editor, again and again until the controller takes it or the user gives up."""

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate_cli.api import Api
from headgate_cli.changes import Change, differences
from headgate_cli.documents import Fault, read_text
from headgate_cli.errors import CliError, Status
from headgate_cli.exporting import settable
from headgate_cli.kinds import Kind
from headgate_cli.manifests import Surroundings, read_manifests
from headgate_cli.output import as_yaml, values_of
from headgate_cli.refusals import RefusedError
from headgate_cli.resources import get_one

STALE = "STALE_ETAG"
MARK = "#! "
"""Begins each line that is ours: taken out before the next try, so that the user's own comments stay."""

INTRODUCTION = ("Save and leave to apply; leave without a change to give up.",)


@dataclass(frozen=True, slots=True)
class Edited:
    """What came of it: the resource as it is now, and what differs from before; nothing if the user gave up."""

    resource: Any
    changes: Sequence[Change]


def edit(api: Api, kinds: Mapping[str, Kind], kind: Kind, resource: Any, editor: Callable[[Path], None]) -> Edited:
    """Return what the user made of a resource.

    Only fields that the user changed are sent, so that what others changed meanwhile stays.

    Raises:
        CliError: it was given up after a refusal; the message says where the user's text is.
    """
    first = text = as_yaml([settable(resource, secrets=True)[0]])
    remarks: tuple[str, ...] = INTRODUCTION
    refused = ""
    with _file(resource.name) as file:
        while True:
            saved, text = _asked(file, text, remarks, editor)
            if not saved or text == refused:
                return _given_up(file, remarks, resource)
            try:
                wanted, mask = _wanted(kinds, resource, first, text)
                return _updated(api, kind, resource, wanted, mask)
            except CliError as error:
                if error.status is Status.UNREACHABLE:
                    raise _kept(file, str(error), error.status) from error
                remarks, refused = tuple(str(error).splitlines()), text
                if isinstance(error, RefusedError) and error.reason == STALE:
                    newer = get_one(api, kind, resource.name)
                    remarks, refused, resource = _overtaken(resource, newer), "", newer


@contextmanager
def _file(name: str) -> Iterator[Path]:
    """Make a file for the editor; it stays if it holds what would be lost."""
    folder = Path(tempfile.mkdtemp(prefix="headgate-edit-"))
    file = folder / f"{name.rsplit('/', 1)[-1]}.yaml"
    yield file
    file.unlink(missing_ok=True)
    folder.rmdir()


def _asked(file: Path, text: str, remarks: Sequence[str], editor: Callable[[Path], None]) -> tuple[bool, str]:
    """Return whether the user saved, and what; above the text stand remarks that are not part of it."""
    file.write_text("".join(f"{MARK}{remark}\n" for remark in remarks) + text)
    before = file.stat()
    editor(file)
    after = file.stat()
    lines = file.read_text().splitlines(keepends=True)
    saved = (before.st_mtime_ns, before.st_ino) != (after.st_mtime_ns, after.st_ino)
    return saved, "".join(line for line in lines if not line.startswith(MARK.rstrip()))


def _given_up(file: Path, remarks: Sequence[str], resource: Any) -> Edited:
    if remarks is INTRODUCTION:
        return Edited(resource, ())
    raise _kept(file, "\n".join(remarks), Status.REFUSED)


def _kept(file: Path, words: str, status: Status) -> CliError:
    return CliError(
        f"{words}\nNothing was changed. Your text is kept: headgate apply -f {shlex.quote(str(file))}", status
    )


def _wanted(kinds: Mapping[str, Kind], resource: Any, first: str, text: str) -> tuple[Any, list[str]]:
    """Return what a text says, and the fields in which it says something else than the text did at first.

    Raises:
        CliError: the text cannot be read, or is of another resource.
    """
    faults: list[Fault] = []
    before, after = (read_manifests(read_text("", t, faults), Surroundings(kinds, ""), faults) for t in (first, text))
    if faults:
        raise CliError("\n".join(f"line {fault.place.line} below: {fault.text}" for fault in sorted(faults)))
    if [manifest.name for manifest in after] != [resource.name]:
        raise CliError(f"The text must hold {resource.name} and nothing else; to make another use headgate apply.")
    old, new = values_of(before[0].message), values_of(after[0].message)
    return after[0].message, sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def _updated(api: Api, kind: Kind, before: Any, wanted: Any, mask: Sequence[str]) -> Edited:
    """Change these fields of the very thing that was seen.

    Raises:
        CliError: refused, or nobody answered.
    """
    if not mask:
        return Edited(before, ())
    wanted.etag = before.etag
    method = kind.method("Update")
    fields: dict[str, Any] = {kind.type: wanted}
    request: Any = method.request(**fields)
    request.update_mask.paths.extend(mask)
    after = api.call(method, request)
    return Edited(after, differences(before, after))


def _overtaken(before: Any, newer: Any) -> tuple[str, ...]:
    changes = (f"  {change}" for change in differences(before, newer))
    words = "Save once more: what you have changed takes the place of theirs, all else stays as they made it."
    return (f"Somebody has changed {newer.name} since you began:", *changes, words)


def run_editor(file: Path) -> None:
    """Have the user's editor change a file: VISUAL, else EDITOR, else vi.

    Raises:
        CliError: it cannot be started, or ended as failed.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        running = subprocess.Popen([*shlex.split(command), str(file)])
    except OSError as error:
        raise CliError(f"The editor {command!r} cannot be started: {error.strerror}; set EDITOR.") from error
    heeded = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the editor's while it runs
    try:
        status = running.wait()
    finally:
        signal.signal(signal.SIGINT, heeded)
    if status:
        raise CliError(f"The editor {command!r} ended with {status}. Nothing was changed; your text is in {file}.")
