"""PkiService, as the API has it: enrolments, and a host's first certificate."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from headgate.v1 import pki_pb2
from headgate_common import pki
from headgate_common.enrolment import Enrolment
from headgate_common.pki import PkiError, Role, Subject
from headgate_controller.errors import HeadgateError, InvalidError, Violation
from headgate_controller.failures import Failures, machine_of
from headgate_controller.signing import Signer
from headgate_controller.store.enrolments import EnrolmentError, Enrolments
from headgate_controller.trust import Trust

log = logging.getLogger(__name__)

SERVICE = "headgate.v1.PkiService"
DEFAULT_LIFETIME, LONGEST_LIFETIME = timedelta(hours=1), timedelta(days=7)


class AuthorityUnknownError(HeadgateError):
    """The controller has no certificate of the site's CA, so nobody could know that it is one."""

    code, reason = "FAILED_PRECONDITION", "NO_CERTIFICATE"


class PkiService:
    """Serves enrolments."""

    def __init__(self, enrolments: Enrolments, signer: Signer, trust: Trust) -> None:
        self._enrolments = enrolments
        self._signer = signer
        self._trust = trust
        self._failures = Failures()

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service; Renew is served to hosts, where they connect."""
        methods: dict[str, Any] = {
            "CreateEnrolment": grpc.unary_unary_rpc_method_handler(
                self.create,
                pki_pb2.CreateEnrolmentRequest.FromString,
                pki_pb2.CreateEnrolmentResponse.SerializeToString,
            ),
            "GetAuthorities": grpc.unary_unary_rpc_method_handler(
                self.authorities, pki_pb2.GetAuthoritiesRequest.FromString, pki_pb2.Authorities.SerializeToString
            ),
            "Enrol": grpc.unary_unary_rpc_method_handler(
                self.enrol, pki_pb2.EnrolRequest.FromString, pki_pb2.Certificate.SerializeToString
            ),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def create(self, request: pki_pb2.CreateEnrolmentRequest, _context: Any) -> pki_pb2.CreateEnrolmentResponse:
        """Let a host enrol."""
        lifetime = _lifetime(request)
        self._signer.check()
        try:
            ca = pki.fingerprint(self._trust.voucher())
        except (PkiError, OSError) as error:
            raise AuthorityUnknownError(f"This controller's own certificate cannot be used: {error}") from error
        expire_time = time.time_ns() + lifetime
        secret = await asyncio.to_thread(self._enrolments.create, request.host, expire_time)
        log.info("enrolment created", extra={"host": f"hosts/{request.host}"})
        made = pki_pb2.CreateEnrolmentResponse(token=str(Enrolment(secret, ca, request.host)))
        made.expire_time.FromNanoseconds(expire_time)
        return made

    async def authorities(self, _request: pki_pb2.GetAuthoritiesRequest, _context: Any) -> pki_pb2.Authorities:
        """Return the site's CAs."""
        try:
            return pki_pb2.Authorities(ca_certificates=self._trust.authorities().decode())
        except (PkiError, OSError) as error:
            raise AuthorityUnknownError(f"This controller's own certificate cannot be used: {error}") from error

    async def enrol(self, request: pki_pb2.EnrolRequest, context: Any) -> pki_pb2.Certificate:
        """Give a host its first certificate; the request is judged before the secret is used up.

        Whoever asks again gets another one, since the first answer may be lost; not a host that was revoked meanwhile.
        """
        try:
            name, key = pki.requested(request.signing_request.encode())
        except PkiError as error:
            raise InvalidError("", [Violation("signing_request", "INVALID", str(error))]) from error
        self._signer.check()
        try:
            await self._use(request.secret, name, key)
        except EnrolmentError as error:
            self._failures.note(machine_of(context.peer()), f"/{SERVICE}/Enrol", error.reason)
            raise
        signed = await self._signer.sign(request.signing_request, name)
        return pki_pb2.Certificate(certificate=signed.certificate, ca_certificates=signed.authorities)

    async def _use(self, secret: str, host: str, key: EllipticCurvePublicKey) -> None:
        """Let a host enrol by a secret for this key.

        Raises:
            EnrolmentError: it must not. UnavailableError: the store, or the CA, cannot tell now.
        """
        public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        again = await asyncio.to_thread(self._enrolments.use, secret, host, public)
        if again and await self._signer.has_revoked(host):
            text = f"The certificate of {host} is revoked; have another token made: headgate pki invite {host}"
            raise EnrolmentError(text)


def _lifetime(request: pki_pb2.CreateEnrolmentRequest) -> int:
    """Return how long an enrolment lasts, in nanoseconds.

    Raises:
        InvalidError: it is refused.
    """
    faults = []
    try:
        Subject(Role.HOST, request.host)
    except PkiError as error:
        faults.append(Violation("host", "BAD_NAME", str(error)))
    seconds = request.lifetime.seconds if request.HasField("lifetime") else int(DEFAULT_LIFETIME.total_seconds())
    if not 0 < seconds <= LONGEST_LIFETIME.total_seconds():
        faults.append(Violation("lifetime", "OUT_OF_RANGE", "It must be a second or more, and at most seven days."))
    if faults:
        raise InvalidError(request.host, faults)
    return seconds * 1_000_000_000
