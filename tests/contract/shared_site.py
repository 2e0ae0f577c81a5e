"""Two controllers on one PostgreSQL and one Northbound."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller_site import Central, Controller, assert_sound, central
from http_client import ask
from postgres_server import sql

from headgate_lab.waiting import wait_until

LEASE_SECONDS = 3
SECONDS = 30.0
EPOCH = "SELECT epoch FROM lease"
LOG = "SELECT revision, position, name, after FROM revision ORDER BY revision, position"


class SharedSite:
    """The controllers c1 and c2, not started."""

    def __init__(self, directory: Path, ovn: Central, url: str, **settings: Any) -> None:
        self.ovn, self.url = ovn, url
        shared = {"database": url, "lease_seconds": LEASE_SECONDS} | settings
        self.c1, self.c2 = (
            Controller(directory / name, ovn, name=name, endpoints=[f"unix:{directory}/{name}/api.sock"], **shared)
            for name in ("c1", "c2")
        )

    @property
    def both(self) -> tuple[Controller, Controller]:
        return self.c1, self.c2

    @property
    def endpoints(self) -> list[str]:
        return [controller.api for controller in self.both]

    def start(self) -> tuple[Controller, Controller]:
        """Start both at once; return the one that leads, and the one that stands by."""
        for controller in self.both:
            controller.launch()
        return self.settled()

    def settled(self) -> tuple[Controller, Controller]:
        """Return the leader and the other, once each has said what it is."""
        wait_until(lambda: set(map(leads, self.both)) == {False, True}, seconds=SECONDS, what="one leader")
        return (self.c1, self.c2) if leads(self.c1) else (self.c2, self.c1)

    def epoch(self) -> int:
        """Return the epoch that the database is at."""
        return int(sql(self.url, EPOCH)[0][0])

    def northbound_epoch(self) -> int:
        """Return the epoch that Northbound is at."""
        said = self.ovn.nbctl("--bare", "get", "NB_Global", ".", "external_ids:headgate-epoch").strip().strip('"')
        return int(said)

    def written(self) -> tuple[Any, ...]:
        """Return all that leaders write: the log, what is there, and Northbound."""
        intent = sql(self.url, "SELECT name, generation, revision, message FROM intent ORDER BY name")
        return sql(self.url, LOG), intent, self.epoch(), self.ovn.northbound()


def leads(controller: Controller) -> bool | None:
    """Return whether a controller leads, by its metrics; None if it answers nothing now."""
    try:
        lines = ask(controller.http, "/metrics").text.splitlines()
    except OSError:
        return None
    return next((line == "headgate_leading 1.0" for line in lines if line.startswith("headgate_leading ")), None)


def pause(controller: Controller, stopped: bool) -> None:
    """Stop a controller from doing anything, or let it go on."""
    assert controller.process is not None
    controller.process.send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)


@contextmanager
def shared_site(run_directory: Path, url: str, **settings: Any) -> Iterator[SharedSite]:
    """Have such a site while the block runs; neither controller must have had a fault of its own by then."""
    directory = run_directory / f"s{secrets.token_hex(3)}"
    with central(directory / "ovn") as ovn:
        site = SharedSite(directory, ovn, url, **settings)
        try:
            yield site
            for controller in site.both:
                controller.stop()
                if controller.log.exists():
                    assert_sound(controller)
        finally:
            for controller in site.both:
                controller.kill()
