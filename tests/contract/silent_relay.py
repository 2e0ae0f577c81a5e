"""A relay between two unix sockets that falls silent when told to, as a network does that loses everything."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def relay(address: str, target: str) -> Iterator[threading.Event]:
    """Pass bytes on between `address` and `target` until the event is set; then fall silent, connections open."""
    silent = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as onward:
        listener.bind(address)
        listener.listen()
        onward.connect(target)

        def work() -> None:
            with listener.accept()[0] as inward:
                other = {inward: onward, onward: inward}
                while not silent.wait(0):
                    for ready in select.select(list(other), [], [], 0.05)[0]:
                        other[ready].sendall(ready.recv(1 << 16))
                closed.wait()

        closed = threading.Event()
        worker = threading.Thread(target=work)
        worker.start()
        yield silent
        closed.set()
        worker.join()
