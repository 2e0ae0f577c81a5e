"""Daemons: started in the foreground, known by a pid file, stopped by their own pid."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from headgate_lab.errors import DeadlineError, LabError
from headgate_lab.process import Process, from_pid_file
from headgate_lab.waiting import wait_until

READY_SECONDS = 30.0
"""How long a daemon may take until it answers; generous, because a loaded machine is slow and not broken."""

STOP_SECONDS = 10.0
"""How long a daemon may take to end when asked politely."""

LOG_TAIL_LINES = 15
"""How much of its log a daemon that failed to start leaves in the error."""


class Spawner:
    """Starts the processes of one lab, from a single thread that lives as long as the lab.

    Unless `keep`, the kernel kills every process when the lab's own process ends, however it ends.  What the kernel
    watches is the *thread* that started them (prctl(2), PR_SET_PDEATHSIG), hence the one thread.
    """

    def __init__(self, *, keep: bool) -> None:
        self._prefix = [] if keep else ["setpriv", "--pdeathsig", "KILL"]
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-spawner")

    def start(self, argv: list[str], *, env: Mapping[str, str], output: Path) -> "subprocess.Popen[bytes]":
        """Start `argv` in a session of its own, what it prints appended to `output`."""
        return self._thread.submit(self._start, argv, env, output).result()

    def close(self) -> None:
        """End the thread, and with it (unless `keep`) whatever it started and nobody stopped."""
        self._thread.shutdown()

    def _start(self, argv: list[str], env: Mapping[str, str], output: Path) -> "subprocess.Popen[bytes]":
        with output.open("ab") as log:
            return subprocess.Popen(
                [*self._prefix, *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSpec:
    """How to run one daemon.

    `ready` is asked, with the pid, whether it serves yet.  `writes_pid_file` is false for programs that leave that
    to whoever starts them.  The run directory must occur in `argv`: that is how a process is recognised as ours.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    run_dir: Path
    ready: Callable[[int], bool] = field(default=lambda _pid: True)
    writes_pid_file: bool = True


class Daemon:
    """One daemon of the lab, running or not; also one that an earlier process of the same lab started."""

    def __init__(self, spec: DaemonSpec, spawner: Spawner) -> None:
        self._spec = spec
        self._spawner = spawner
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """What it is called on its machine; names its files."""
        return self._spec.name

    @property
    def log(self) -> Path:
        """Its log file."""
        return self._spec.run_dir / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Its pid file."""
        return self._spec.run_dir / f"{self.name}.pid"

    @property
    def pid(self) -> int | None:
        """Its number, None if it does not run."""
        process = self._process()
        return process.pid if process else None

    @property
    def alive(self) -> bool:
        """Whether it runs; a paused one does."""
        return self._process() is not None

    def start(self, *, wait: bool = True) -> None:
        """Start it unless it runs, and return when it serves (with `wait` false: at once).

        Raises:
            LabError: it ended, or did not serve in time; the message holds the end of its log.
        """
        if not self.alive:
            self._child = self._spawner.start(list(self._spec.argv), env=self._spec.env, output=self.log)
            if not self._spec.writes_pid_file:
                self.pid_file.write_text(f"{self._child.pid}\n")
        if wait:
            self.await_ready()

    def await_ready(self) -> None:
        """Return when it serves.

        Raises:
            LabError: it ended, or did not serve in time; the message holds the end of its log.
        """
        try:
            wait_until(self._ready_or_ended, seconds=READY_SECONDS, what=f"{self.name} serves")
        except DeadlineError as error:
            raise LabError(f"{error}\n{self.log_tail()}") from error
        if self._ended():
            raise LabError(f"{self.name} ended with status {self._status()}\n{self.log_tail()}")

    def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Ask it to end (SIGTERM) and wait for that; after `seconds`, kill it."""
        process = self._process()
        if process is None:
            return
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)
        try:
            self._await_end(process, seconds)
        except DeadlineError:
            self.kill()

    def kill(self) -> None:
        """End it without giving it a say (SIGKILL), and wait until it is gone."""
        process = self._process()
        if process:
            process.signal(signal.SIGKILL)
            self._await_end(process, STOP_SECONDS)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it (SIGSTOP) and return when it is: to its peers it looks hung."""
        process = self._signal(signal.SIGSTOP)
        wait_until(lambda: process.stopped, seconds=STOP_SECONDS, what=f"{self.name} is frozen")

    def resume(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return f"{self.name} left no log"
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"{self.log}:", *(f"  {line}" for line in lines)])

    def _signal(self, number: int) -> Process:
        process = self._process()
        if process is None:
            raise LabError(f"{self.name} does not run")
        process.signal(number)
        return process

    def _process(self) -> Process | None:
        """Return our living child, or the process of the pid file, if that is indeed this daemon."""
        if self._child is not None and not self._ended():
            return Process.of(self._child.pid)
        process = from_pid_file(self.pid_file)
        return process if process and process.mentions(f"{self._spec.run_dir}/") else None

    def _ready_or_ended(self) -> bool:
        process = self._process()
        return (process is not None and self._spec.ready(process.pid)) or self._ended()

    def _ended(self) -> bool:
        return self._child is not None and self._child.poll() is not None

    def _status(self) -> int | None:
        return self._child.returncode if self._child else None

    def _await_end(self, process: Process, seconds: float) -> None:
        wait_until(lambda: not process.alive, seconds=seconds, what=f"{self.name} ends")
        if self._child is not None and self._child.pid == process.pid:
            self._child.wait()


def start_all(daemons: list[Daemon]) -> None:
    """Start daemons that do not wait for each other, and return when all serve.

    Raises:
        LabError: one of them does not.
    """
    for daemon in daemons:
        daemon.start(wait=False)
    for daemon in daemons:
        daemon.await_ready()


def accepts(path: Path) -> bool:
    """Whether somebody accepts connections on a unix socket; a socket left by a dead process does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(os.fspath(path))
        except OSError:
            return False
    return True
