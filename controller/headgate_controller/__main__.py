"""`headgate-controller`: runs the controller."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from headgate_common.config import ConfigError, installed, load
from headgate_common.config_text import to_toml
from headgate_common.limits import allow_many_files
from headgate_common.log import setup
from headgate_controller.app import run
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError


def main() -> int:
    """Run the program; the exit status is 2 for a configuration that cannot be used, 1 for another failure to run."""
    parser = argparse.ArgumentParser(prog="headgate-controller", description=__doc__)
    parser.add_argument(
        "--config",
        type=Path,
        default=installed("controller.toml"),
        help="configuration file (TOML); else /etc/headgate/controller.toml, if it is there",
    )
    parser.add_argument("--print-config", action="store_true", help="show what it would run with, and end")
    arguments = parser.parse_args()
    try:
        config = load(ControllerConfig, arguments.config, os.environ, {})
        if arguments.print_config:
            print(to_toml(config), end="")
            return 0
        setup(config.log_level, config.log_json)
    except (ConfigError, ValueError, OSError) as error:
        print(f"headgate-controller: {error}", file=sys.stderr)
        return 2
    allow_many_files()
    try:
        uvloop.run(_until_signalled(config))
    except HeadgateError as error:
        print(f"headgate-controller: {error}", file=sys.stderr)
        return 1
    return 0


async def _until_signalled(config: ControllerConfig) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if not await run(config, stop):
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
