"""Renews the host's certificate in time, and at once when another CA takes over.

OVN reads the new files by itself, and the host stream is opened with them the next time; nothing is cut.
"""

import asyncio
import logging
from datetime import datetime
from typing import NoReturn

import grpc
from tenacity.wait import wait_random_exponential

from headgate.v1 import pki_pb2, pki_pb2_grpc
from headgate_common import pki
from headgate_common.pki import PkiError
from headgate_common.reconciler import backoff
from headgate_hostagent.certificates import UNIX, Certificates

log = logging.getLogger(__name__)

CALL_SECONDS = 10.0

LOOK_SECONDS = 3600.0
"""How long to sleep at most: certificates are renewed by hand as well, and clocks are set."""

BACKOFF = wait_random_exponential(multiplier=5, max=LOOK_SECONDS)
"""The wait after no controller has renewed it: there is a third of its life for that."""


class Renewal:
    """Keeps the certificate of the host fresh, by whichever controller signs it."""

    def __init__(self, controllers: list[str], certificates: Certificates) -> None:
        self._controllers = [controller for controller in controllers if not controller.startswith(UNIX)]
        self._certificates = certificates
        self._wake = asyncio.Event()
        self._replaced = False

    def authorities_changed(self) -> None:
        """Have the certificate renewed if it is not from the newest CA."""
        self._replaced = True
        self._wake.set()

    async def run(self) -> NoReturn:
        """Renew again and again until cancelled; without a controller to ask, wait for that."""
        failures = 0
        while True:
            wait = self._seconds_left() if self._controllers else LOOK_SECONDS
            if wait <= 0:
                failures = 0 if await self._renewed() else failures + 1
                wait = backoff(BACKOFF, failures) if failures else 0.0
            self._wake.clear()
            try:
                async with asyncio.timeout(min(wait, LOOK_SECONDS)):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _seconds_left(self) -> float:
        """Return how long until the certificate is to be renewed; what cannot be used cannot be renewed."""
        try:
            identity = self._certificates.identity()
        except PkiError:
            return LOOK_SECONDS
        if self._replaced and pki.issuer_among(identity.certificate, identity.authorities[:1]) is None:
            return 0.0
        self._replaced = False
        due: datetime = pki.renewal_due(identity.certificate)
        return (due - pki.utc_now()).total_seconds()

    async def _renewed(self) -> bool:
        """Return whether a controller has renewed the certificate."""
        for controller in self._controllers:
            try:
                await self._renew(controller)
            except grpc.aio.AioRpcError as error:
                reason = f"{error.code().name}: {error.details()}"
            except (PkiError, OSError) as error:
                reason = str(error)
            else:
                self._replaced = False
                log.info("certificate renewed", extra={"controller": controller})
                return True
            log.warning("certificate not renewed", extra={"controller": controller, "reason": reason})
        return False

    async def _renew(self, controller: str) -> None:
        key = pki.new_key()
        async with self._certificates.channel(controller, ()) as channel:
            stub = pki_pb2_grpc.PkiServiceStub(channel)  # type: ignore[no-untyped-call]
            request = pki_pb2.RenewRequest(
                signing_request=pki.signing_request(key, self._certificates.subject.name).decode()
            )
            signed = await stub.Renew(request, timeout=CALL_SECONDS)
        await asyncio.to_thread(
            self._certificates.replace, key, signed.certificate.encode(), signed.ca_certificates.encode()
        )
