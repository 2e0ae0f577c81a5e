"""The process that serves all starts of one Terraform command, and ends with it.

See docs/decisions/0018-one-provider-process-for-a-command.md.
"""

import asyncio
import os
import signal
import socket
from contextlib import suppress

import grpc
import grpc.aio

from headgate_terraform.plugin import EXIT_DELAY_SECONDS, serving, settle
from headgate_terraform.provider import Provider, Types
from headgate_terraform.spans import telemetry_of
from headgate_terraform.start import SIZE, address_of, circumstances, parent_of, peer_of

REQUEST_SECONDS = 5.0
"""How long a start may take to say what it wants."""

STDIN, STDOUT, STDERR = 0, 1, 2


def keep(terraform: int, first: socket.socket) -> None:
    """Serve the start at the other end of `first`, and every later one of a Terraform, until that has ended.

    Never returns, unless it has ended already.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    # What is printed would be taken for a handshake, and Terraform waits until nobody can print any more.
    os.dup2(nothing, STDIN)
    os.dup2(nothing, STDOUT)
    ended = os.pidfd_open(terraform)
    if parent_of(os.getppid()) == terraform:
        asyncio.run(Keeper(terraform, nothing).run(ended, first))


class Keeper:
    """Serves the starts of one Terraform, each by a provider and a server of its own.

    `nothing` is where errors are written that no start is there to show.
    """

    def __init__(self, terraform: int, nothing: int) -> None:
        self._terraform = terraform
        self._nothing = nothing
        self._types = Types()
        self._telemetry = telemetry_of(os.environ)
        self._circumstances = circumstances()
        self._serving = set[asyncio.Task[None]]()
        self._shown: asyncio.Task[None] | None = None

    async def run(self, ended: int, first: socket.socket) -> None:
        """Serve until `ended`, a file descriptor, can be read; then end the process, and leave no socket behind."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(ended, over.set)
        loop.add_signal_handler(signal.SIGTERM, over.set)
        with socket.socket(socket.AF_UNIX) as listener:
            # Somebody else may have the name, in another container for one: then later starts serve themselves.
            with suppress(OSError):
                listener.bind(address_of(self._terraform))
                listener.listen()
                listener.setblocking(False)
                loop.add_reader(listener, self._accept, listener)
            self._begin(first)
            await over.wait()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._telemetry:
            self._telemetry.close()
        os._exit(0)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            process, user = peer_of(connection)
            if user == os.getuid() and parent_of(process) == self._terraform:
                self._begin(connection)
            else:
                connection.close()

    def _begin(self, connection: socket.socket) -> None:
        task = asyncio.create_task(self._answer(connection))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _answer(self, connection: socket.socket) -> None:
        """Serve a start, unless it has too little in common with the first one."""
        provider = Provider(types=self._types, terraform=self._terraform, telemetry=self._telemetry)
        with connection:
            wanted, errors = await asyncio.to_thread(_received, connection)
            if wanted != self._circumstances:
                os.close(errors)
                return
            self._show(errors)
            try:
                server = await _served(connection, provider)
            finally:
                self._hide()
        # The start has ended by now, and Terraform goes on.
        await provider.close()
        await server.stop(None)

    def _show(self, errors: int) -> None:
        """Write errors to where the newest start does."""
        os.dup2(errors, STDERR)
        os.close(errors)
        self._shown = asyncio.current_task()

    def _hide(self) -> None:
        """Close what a start writes errors to: Terraform reads there until nobody can write any more."""
        if self._shown is asyncio.current_task():
            os.dup2(self._nothing, STDERR)


async def _served(connection: socket.socket, provider: Provider) -> grpc.aio.Server:
    """Serve until Terraform or the start ends it; return the server, which serves nobody any more."""
    async with serving(provider, debug=False) as plugin:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_sendall(connection, f"{plugin.handshake}\n".encode())
        settle()
        watching = asyncio.create_task(_watch(connection, plugin.ended))
        await plugin.ended.wait()
        watching.cancel()
        await asyncio.sleep(EXIT_DELAY_SECONDS)
        return plugin.server


async def _watch(connection: socket.socket, ended: asyncio.Event) -> None:
    """Set `ended` when there is nobody at the other end any more."""
    with suppress(OSError):
        await asyncio.get_running_loop().sock_recv(connection, 1)
    ended.set()


def _received(connection: socket.socket) -> tuple[bytes, int]:
    """Return the circumstances of a start, and where it writes errors.

    Raises:
        OSError: it has not told them in time.
    """
    connection.settimeout(REQUEST_SECONDS)
    size, files, *_ = socket.recv_fds(connection, SIZE.size, 1)
    if len(size) < SIZE.size or len(files) != 1:
        raise ConnectionError
    with connection.makefile("rb") as stream:
        return stream.read(SIZE.unpack(size)[0]), files[0]
