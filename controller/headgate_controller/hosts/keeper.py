"""Looks after certificates while the controller runs: whatever changes on disk counts for streams that are open."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from headgate_common.pki import PkiError
from headgate_controller.hosts.links import HostLinks
from headgate_controller.trust import Trust

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often the files are looked at: the command line revokes and replaces by writing them."""


class Keeper:
    """Notices new CAs, revoked certificates and expired ones, and keeps the controller's own from expiring."""

    def __init__(self, trust: Trust, links: HostLinks) -> None:
        self._trust = trust
        self._links = links

    async def run(self) -> NoReturn:
        """Look again and again until cancelled."""
        known, told = None, ""
        while True:
            try:
                found = await asyncio.to_thread(self._trust.follow)
            except (PkiError, OSError) as error:
                if str(error) != told:
                    log.error("certificates not read", extra={"reason": str(error)})
                told = str(error)
            else:
                told = ""
                if found != known or self._links.expired():
                    self._links.certificates_changed()
                known = found
            await asyncio.sleep(LOOK_SECONDS)
