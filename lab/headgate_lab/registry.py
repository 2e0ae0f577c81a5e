"""Which labs exist on this machine, so that what a dead one left is found and removed.

Every lab is one small file here, written before the lab makes anything.  It names the process that owns the lab; a lab
whose owner is gone is dead, and whoever boots the next lab removes it.  A lab that is kept has no owner.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headgate_lab.errors import LabError
from headgate_lab.namespaces import Namespace, namespaces
from headgate_lab.process import Process, from_pid_file, mentioning
from headgate_lab.waiting import wait_until

DIRECTORY = Path("/tmp/headgate-labs")  # noqa: S108  (made by us, mode 0700, refused if it is somebody else's)
MARKER = ".headgate-lab"
"""File in a run directory that says which lab it belongs to: nothing without it is ever removed."""

RUN_DIR_MAX = 60
"""Longest run directory: names of unix sockets in it must stay under 108 bytes.  Source: unix(7)."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
KILL_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is written down about a lab: enough to find all of it again."""

    name: str
    run_dir: str
    hosts: int
    api_port: int
    boot_id: str
    owner: tuple[int, int] | None
    """Pid and start time of the process the lab ends with; None for a lab that stays."""

    @property
    def prefix(self) -> str:
        """How the names of its network namespaces start."""
        return f"hg-{self.name}-"

    @property
    def orphaned(self) -> bool:
        """Whether nobody is left to take it down."""
        if self.boot_id != current_boot():
            return True
        return self.owner is not None and not Process(*self.owner).alive

    def namespaces(self) -> list[Namespace]:
        """Return its network namespaces."""
        return namespaces(self.prefix)

    def processes(self) -> set[Process]:
        """Return its processes: all that live in its namespaces, and those its pid files name.

        A pid file alone is not believed: the process must have been started with a path in the run directory.
        """
        inside = {Process.of(pid) for namespace in self.namespaces() for pid in namespace.pids()}
        named = {from_pid_file(path) for path in Path(self.run_dir).glob("*/*.pid")}
        ours = {process for process in named if process and process.mentions(f"{self.run_dir}/")}
        return {process for process in inside | ours if process and process.pid != os.getpid()}

    def leftovers(self) -> list[str]:
        """Return what is there of it, each thing in words."""
        found = {*self.processes(), *mentioning(f"{self.run_dir}/")}
        words = [f"process {process.pid}" for process in sorted(found, key=lambda process: process.pid)]
        words += [f"namespace {namespace.name}" for namespace in self.namespaces()]
        return words + ([f"directory {self.run_dir}"] if Path(self.run_dir).exists() else [])


class Registry:
    """The records of one directory."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.lstat()
        if directory.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise LabError(f"{directory} must be a directory of yours that nobody else may use")

    def register(self, *, name: str | None, run_dir: Path | None, hosts: int, api_port: int, keep: bool) -> Record:
        """Write down a new lab of this process (with `keep`, of nobody), make its run directory, return its record.

        Raises:
            LabError: there is one of that name, or name or directory will not do.
        """
        if name and not name.isalnum():
            raise LabError(f"letters and digits only, lest the lab's namespaces pass for another's: {name}")
        if run_dir and len(str(run_dir)) > RUN_DIR_MAX:
            raise LabError(f"longer than {RUN_DIR_MAX} characters, too long for unix sockets: {run_dir}")
        if run_dir and run_dir.exists() and any(run_dir.iterdir()):
            raise LabError(f"not empty, and all of it would go with the lab: {run_dir}")
        directory = run_dir or Path(tempfile.mkdtemp(prefix="headgate-lab-"))
        directory.mkdir(parents=True, exist_ok=True)
        record = Record(
            name=name or fresh_name(),
            run_dir=str(directory.resolve()),
            hosts=hosts,
            api_port=api_port,
            boot_id=current_boot(),
            owner=None if keep else this_process(),
        )
        try:
            self.add(record)
        except LabError:
            directory.rmdir()
            raise
        return record

    def add(self, record: Record) -> None:
        """Write down a new lab.

        Raises:
            LabError: there is one of that name.
        """
        # Whole or not at all, because another lab may be reading; and a link, unlike a rename, never replaces.
        draft = self._directory / f"{record.name}.{os.getpid()}.draft"
        draft.write_text(json.dumps(asdict(record)))
        try:
            self._file(record.name).hardlink_to(draft)
        except FileExistsError as error:
            raise LabError(f"lab {record.name} exists already") from error
        finally:
            draft.unlink()
        (Path(record.run_dir) / MARKER).write_text(record.name)

    def get(self, name: str) -> Record | None:
        """Return the record of a lab, None if there is none."""
        try:
            return _record(json.loads(self._file(name).read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise LabError(f"{self._file(name)} is damaged: {error}") from error

    def records(self) -> list[Record]:
        """Return all labs."""
        found = (self.get(path.stem) for path in sorted(self._directory.glob("*.json")))
        return [record for record in found if record]

    def reap(self) -> list[str]:
        """Remove everything of dead labs and return their names."""
        with self._locked():
            dead = [record for record in self.records() if record.orphaned]
            for record in dead:
                self.remove(record)
        return [record.name for record in dead]

    def remove(self, record: Record) -> None:
        """Remove everything of a lab: processes, namespaces, run directory, and last the record."""
        processes = record.processes()
        for process in processes:
            process.signal(signal.SIGKILL)
        wait_until(
            lambda: not any(process.alive for process in processes),
            seconds=KILL_SECONDS,
            what=f"the processes of lab {record.name} end",
        )
        for namespace in record.namespaces():
            namespace.delete()
        self._remove_run_dir(record)
        self._file(record.name).unlink(missing_ok=True)

    def _remove_run_dir(self, record: Record) -> None:
        marker = Path(record.run_dir) / MARKER
        if marker.exists() and marker.read_text() == record.name:
            shutil.rmtree(record.run_dir)

    def _file(self, name: str) -> Path:
        return self._directory / f"{name}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._directory / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def current_boot() -> str:
    """Return the identifier of this boot of the machine."""
    return BOOT_ID.read_text().strip()


def this_process() -> tuple[int, int]:
    """Return pid and start time of the running process."""
    process = Process.of(os.getpid())
    assert process is not None
    return process.pid, process.started


def fresh_name() -> str:
    """Return a short random name for a lab."""
    return secrets.token_hex(3)


def _record(values: dict[str, Any]) -> Record:
    owner = values.pop("owner")
    return Record(**values, owner=tuple(owner) if owner else None)
