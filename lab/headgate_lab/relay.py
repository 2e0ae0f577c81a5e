"""`python -m headgate_lab.relay`: leads connections out of a network namespace to an address outside of it.

The controller of a lab runs where its users are, and its hosts reach it by the management wire, which ends in a
namespace. Bytes pass as they are: the two ends speak TLS with each other.
"""

import argparse
import asyncio
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from headgate_lab.namespaces import Namespace

CHUNK = 64 * 1024
PATIENCE_SECONDS, RETRY_SECONDS = 2.0, 0.05


def main(argv: Sequence[str] | None = None) -> None:
    """Relay until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m headgate_lab.relay", description=__doc__)
    parser.add_argument("namespace", help="where to listen")
    parser.add_argument("listen", type=_address, help="address:port in that namespace")
    parser.add_argument("target", type=_address, help="address:port in this one")
    parser.add_argument("ready", type=Path, help="file that holds the pid once it listens")
    arguments = parser.parse_args(argv)
    listener = Namespace(arguments.namespace).socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(arguments.listen)
    listener.listen()
    arguments.ready.write_text(str(os.getpid()))
    asyncio.run(_serve(listener, arguments.target))


async def _serve(listener: socket.socket, target: tuple[str, int]) -> None:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            far_reader, far_writer = await _reached(target)
            await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
        writer.close()

    async with await asyncio.start_server(relay, sock=listener) as server:
        await server.serve_forever()


async def _reached(target: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection; whoever does not listen yet gets a moment, so that a boot waits for no agent's patience.

    Raises:
        OSError: nobody listened all the while.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await asyncio.open_connection(*target)
        except OSError:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(RETRY_SECONDS)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side ends, which ends the other."""
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    main()
