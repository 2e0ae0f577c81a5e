"""A machine that can be installed on: its own network, processes, and copies of /etc, /var, /root and /run that vanish
with it. What a service manager and package manager would do there is done by stand-ins.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate_lab.namespaces import Namespace
from headgate_lab.waiting import wait_until

BOOT = """
set -e
mount -t tmpfs tmpfs {here}
for d in etc var root; do
    mkdir -p {here}/$d/upper {here}/$d/work
    mount -t overlay overlay -o lowerdir=/$d,upperdir={here}/$d/upper,workdir={here}/$d/work /$d
done
mount -t tmpfs tmpfs /run
rm -rf /etc/openvswitch/conf.db /var/lib/openvswitch/* /var/lib/ovn/* /etc/headgate
touch /run/booted
exec sleep infinity
"""

SYSTEMCTL = """#!/bin/bash
# What the units of Debian and of Headgate start, started without systemd; each file is where it is by default.
set -e
ovs() {
    mkdir -p /run/openvswitch /var/log/openvswitch /etc/openvswitch
    [ -e /etc/openvswitch/conf.db ] || ovsdb-tool create /etc/openvswitch/conf.db
    ovsdb-server --detach --pidfile --log-file --remote=punix:/run/openvswitch/db.sock /etc/openvswitch/conf.db
    ovs-vsctl --no-wait init
    ovs-vswitchd --detach --pidfile --log-file
}
unit() {
    file=/etc/systemd/system/$1.service
    mkdir -p "/run/$(sed -n 's/^RuntimeDirectory=//p' "$file")" "/var/lib/$(sed -n 's/^StateDirectory=//p' "$file")"
    export NOTIFY_SOCKET=/run/notify
    rm -f $NOTIFY_SOCKET
    python3 -c 'from socket import *; s = socket(AF_UNIX, SOCK_DGRAM); s.bind("/run/notify"); s.recv(99)' &
    until [ -e $NOTIFY_SOCKET ]; do sleep 0.01; done
    setsid $(sed -n 's/^ExecStart=//p' "$file") >>"/var/log/$1.log" 2>&1 </dev/null &
    wait %1
}
for name in "$@"; do
    case $name in
    enable | start | --now) ;;
    ovn-central) /usr/share/ovn/scripts/ovn-ctl start_northd ;;
    openvswitch-switch) ovs ;;
    ovn-host) /usr/share/ovn/scripts/ovn-ctl start_controller ;;
    headgate-*) unit "$name" ;;
    *) echo "no unit $name" >&2; exit 1 ;;
    esac
done
"""


class MachineHere:
    """One machine, running."""

    def __init__(self, namespace: Namespace, init: int, path: str) -> None:
        self._enter = ["nsenter", "--target", str(init), "--mount", "--pid", "--net"]
        self._path = path
        self.namespace = namespace

    def run(self, script: str, directory: Path, seconds: float = 120) -> str:
        """Run a shell script to its end and return what it printed; each line must succeed."""
        environment = {"PATH": self._path, "HOME": "/root", "LANG": "C.UTF-8"}
        done = subprocess.run(
            [*self._enter, "bash", "-euxc", f"cd {directory}\n{script}"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        """Return the ends of its programs' logs."""
        command = [*self._enter, "bash", "-c", "tail -n 12 /var/log/headgate-*.log 2>/dev/null"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@contextmanager
def machine(namespace: Namespace, directory: Path) -> Iterator[MachineHere]:
    """Run a machine in a network namespace while the block runs; whatever runs on it ends with it."""
    programs, here = directory / "bin", directory / "disk"
    programs.mkdir(parents=True)
    here.mkdir()
    systemctl = programs / "systemctl"
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(systemctl.stat().st_mode | stat.S_IXUSR)
    isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    boot = namespace.command(*isolated, "bash", "-c", BOOT.format(here=here))
    with subprocess.Popen(boot, stdin=subprocess.DEVNULL) as process:
        try:
            init = _child(process)
            wait_until(
                lambda: Path(f"/proc/{init}/root/run/booted").exists() or process.poll() is not None,
                seconds=20,
                what=f"{namespace.name} to boot",
            )
            # Headgate's programs are where this test's Python is.
            path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
            yield MachineHere(namespace, init, path)
        finally:
            process.kill()


def _child(process: subprocess.Popen[bytes]) -> int:
    """Return the first process of the machine: the child of unshare, by its number outside."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_until(lambda: bool(children.read_text().split()), seconds=20, what="the first process of the machine")
    return int(children.read_text().split()[0])
