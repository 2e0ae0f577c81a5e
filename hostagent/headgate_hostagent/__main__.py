"""The host agent's command line: run it, attach a workload, show what it holds and sees."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from headgate_common.config import ConfigError, installed, load
from headgate_common.config_text import to_toml
from headgate_common.diagnosis import State, table
from headgate_common.log import setup
from headgate_hostagent.agent import Agent
from headgate_hostagent.config import AgentConfig, load_config
from headgate_hostagent.doctor import diagnose
from headgate_hostagent.plug import PlugError, Workload, plug, unplug
from headgate_hostagent.status import status

log = logging.getLogger(__name__)


def main() -> int:
    """Run the command line and return the exit status: 0 done, 1 failed, 2 wrong usage or configuration."""
    arguments = _arguments()
    try:
        if arguments.print_config:
            print(to_toml(load(AgentConfig, arguments.config, os.environ, {})), end="")
            return 0
        config = load_config(arguments.config, os.environ, {"log_level": arguments.log_level})
        setup(config.log_level, config.log_json)
    except ValueError as error:
        kind = "configuration" if isinstance(error, ConfigError) else "usage"
        print(f"headgate-agent: {kind}: {error}", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_command(config, arguments))
    except (PlugError, OSError) as error:
        print(f"headgate-agent: {error}", file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = _parser()
    arguments = parser.parse_args()
    if not arguments.command and not arguments.print_config:
        parser.error("a command is needed: run, plug, unplug, status or doctor")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="headgate-agent", description="Keeps one hypervisor as Headgate desires.")
    parser.add_argument(
        "--config",
        type=Path,
        default=installed("agent.toml"),
        help="the configuration, a TOML file; else /etc/headgate/agent.toml, if it is there",
    )
    parser.add_argument("--log-level", help="debug, info, warning or error")
    parser.add_argument("--print-config", action="store_true", help="show what it would run with, and end")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run", help="keep the host until SIGTERM")
    attach = commands.add_parser("plug", help="attach a workload to a port; repeating it is harmless")
    attach.add_argument("port", help="the port's iface-id (a UUID), or its resource name if it is pinned to this host")
    where = attach.add_mutually_exclusive_group(required=True)
    where.add_argument("--netns", default="", help="give this network namespace a device eth0")
    where.add_argument("--tap", default="", help="attach this device, which is there already")
    attach.add_argument("--mac", default="", help="the workload's Ethernet address, if the host does not know it")
    attach.add_argument("--timeout", type=float, default=10.0, help="seconds to wait for a port that is not known yet")
    detach = commands.add_parser("unplug", help="undo plug; a workload that is not attached is no error")
    detach.add_argument("port", help="as for plug")
    commands.add_parser("status", help="show what the agent holds and what Open vSwitch says")
    commands.add_parser("doctor", help="check this host, and say what to do; exit status 1 if something is wrong")
    return parser


async def _command(config: AgentConfig, arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "run":
            return await _run(config)
        case "plug":
            workload = Workload(arguments.netns, arguments.tap, arguments.mac)
            print(await plug(config, arguments.port, workload, timeout_seconds=arguments.timeout))
        case "unplug":
            await unplug(config, arguments.port)
        case "doctor":
            findings = await diagnose(config)
            print("\n".join(table(findings)))
            return int(any(finding.state is State.FAILED for finding in findings))
        case _:
            print(await status(config))
    return 0


async def _run(config: AgentConfig) -> int:
    """Run the agent until SIGTERM or SIGINT."""
    agent = asyncio.ensure_future(Agent(config).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.cancel)
    try:
        await agent
    except asyncio.CancelledError:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
