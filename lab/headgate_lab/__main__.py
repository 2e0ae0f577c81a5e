"""`./dev lab`: one lab that stays, to play with."""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence

from headgate_lab.errors import LabError
from headgate_lab.lab import Lab
from headgate_lab.namespaces import Namespace
from headgate_lab.registry import Record, Registry
from headgate_lab.topology import MAX_HOSTS, site_of

NAME = "default"
"""The lab these commands are about unless told otherwise; tests have labs of their own beside it."""

API_PORT = 7443


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command and return the exit status."""
    arguments = _parser().parse_args(argv)
    if os.geteuid():
        print("the lab needs root: network namespaces and Open vSwitch's userspace datapath", file=sys.stderr)
        return 1
    try:
        return int(arguments.command(arguments))
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def up(arguments: argparse.Namespace) -> int:
    """Boot the lab, unless it is up, and say how to reach it."""
    record = Registry().get(arguments.name)
    if record and not record.orphaned:
        print(f"lab {record.name} is up already")
        _describe(Lab.attach(record))
        return 0
    started = time.monotonic()
    try:
        lab = Lab.boot(site_of(arguments.hosts), keep=True, name=arguments.name, api_port=API_PORT)
    except LabError:
        if not arguments.keep:
            _remove(arguments.name)
        raise
    print(f"lab {lab.record.name} is up: {arguments.hosts} hosts in {time.monotonic() - started:.1f} s")
    _describe(lab)
    return 0


def down(arguments: argparse.Namespace) -> int:
    """Take the lab down and prove that nothing of it is left."""
    record = _remove(arguments.name)
    if record is None:
        print(f"lab {arguments.name} is not up")
        return 0
    left = record.leftovers()
    print("\n".join(["left behind:", *left]) if left else f"lab {record.name} is down, nothing left behind")
    return 1 if left else 0


def status(arguments: argparse.Namespace) -> int:
    """Show every daemon, and how to reach the lab."""
    lab = Lab.attach(_running(arguments.name))
    daemons = lab.daemons
    for name, daemon in daemons.items():
        print(f"{name:24}{f'pid {daemon.pid}' if daemon.alive else 'DOWN':12}{daemon.log}")
    _describe(lab)
    return 0 if all(daemon.alive for daemon in daemons.values()) else 1


def shell(arguments: argparse.Namespace) -> int:
    """Become a shell on a host, a workload or an endpoint, where the tools of OVS and OVN find their sockets."""
    record = _running(arguments.name)
    lab = Lab.attach(record)
    name = arguments.machine
    candidates = [Namespace(f"{record.prefix}{name}"), Namespace(f"{record.prefix}v-{name}")]
    namespace = next((candidate for candidate in candidates if candidate.exists), None)
    if namespace is None:
        known = sorted(found.name.removeprefix(record.prefix).removeprefix("v-") for found in record.namespaces())
        raise LabError(f"there is no {name}; there are {', '.join(known)}")
    env = dict(lab.central.env)
    if name in lab.hosts:
        env |= {key: value for key, value in lab.hosts[name].env.items() if key.startswith(("OVS_", "OVN_"))}
    env["debian_chroot"] = name
    argv = namespace.command(os.environ.get("SHELL", "/bin/sh"), *arguments.rest)
    os.execvpe(argv[0], argv, env)  # noqa: S606  (no shell in between: the shell is what was asked for)


def env(arguments: argparse.Namespace) -> int:
    """Print what a shell must export so that terraform and headgate reach the lab's controller."""
    lab = Lab.attach(_running(arguments.name))
    assert lab.controller is not None
    for name, value in lab.controller.access().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def workload(arguments: argparse.Namespace) -> int:
    """Start a workload and plug it into a port."""
    lab = Lab.attach(_running(arguments.name))
    if arguments.host not in lab.hosts:
        raise LabError(f"there is no host {arguments.host}; there are {', '.join(lab.hosts)}")
    lab.workload(
        arguments.workload,
        host=arguments.host,
        port=arguments.port,
        ip=arguments.ip,
        mac=arguments.mac,
        gateway=arguments.gateway,
    )
    return 0


def _describe(lab: Lab) -> None:
    assert lab.controller is not None
    print(f"  API        {lab.controller.endpoint}, {lab.controller.api}")
    print('  Clients    eval "$(./dev lab env)"')
    print(f"  Shells     ./dev lab shell {'|'.join([*lab.hosts, *lab.stations()])}")
    print(f"  Files      {lab.run_dir}")


def _running(name: str) -> Record:
    record = Registry().get(name)
    if record is None:
        raise LabError(f"lab {name} is not up: run `./dev lab up` first")
    return record


def _remove(name: str) -> Record | None:
    """Take a lab down and return what its record was."""
    record = Registry().get(name)
    if record:
        Lab.attach(record).down()
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev lab", description="One lab that stays, to play with.")
    parser.add_argument("--name", default=NAME, help="which lab, if there are several (letters and digits)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    booting = commands.add_parser("up", help="boot a lab that stays until `down`")
    booting.add_argument("--hosts", type=int, default=3, choices=range(1, MAX_HOSTS + 1), metavar="N", help="how many")
    booting.add_argument("--keep", action="store_true", help="if the boot fails, leave what there is, to look at it")
    booting.set_defaults(command=up)
    starting = commands.add_parser("workload", help="start a stand-in for a virtual machine")
    starting.add_argument("workload", metavar="NAME")
    starting.add_argument("--host", required=True, help="the host that it runs on")
    starting.add_argument("--port", required=True, help="resource name or iface-id of the port")
    starting.add_argument("--ip", required=True, help="such as 10.1.0.3/24")
    starting.add_argument("--gateway", help="where its default route leads")
    starting.add_argument("--mac", help="only if the host's agent does not know it")
    starting.set_defaults(command=workload)
    entering = commands.add_parser("shell", help="become a shell on a machine of the lab")
    entering.add_argument("machine", metavar="HOST|WORKLOAD")
    entering.add_argument("rest", nargs=argparse.REMAINDER, help="arguments for the shell, such as -c COMMAND")
    entering.set_defaults(command=shell)
    commands.add_parser("env", help="print what a shell must export to reach the controller").set_defaults(command=env)
    commands.add_parser("status", help="show the lab's daemons").set_defaults(command=status)
    commands.add_parser("down", help="take the lab down").set_defaults(command=down)
    return parser


if __name__ == "__main__":
    sys.exit(main())
