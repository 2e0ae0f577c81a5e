"""PkiService, as hosts have it on the port of their stream: another certificate for the one that they show."""

from __future__ import annotations

from typing import Any

import grpc

from headgate.v1 import pki_pb2
from headgate_controller.hosts.door import Door, NotAdmittedError
from headgate_controller.signing import Signer

SERVICE = "headgate.v1.PkiService"


class Renewal:
    """Serves the renewal of certificates."""

    def __init__(self, door: Door, signer: Signer) -> None:
        self._door = door
        self._signer = signer

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of the service."""
        renew = grpc.unary_unary_rpc_method_handler(
            self.renew, pki_pb2.RenewRequest.FromString, pki_pb2.Certificate.SerializeToString
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Renew": renew})

    async def renew(self, request: pki_pb2.RenewRequest, context: Any) -> pki_pb2.Certificate:
        """Sign the new key of the host that calls."""
        guest = self._door.admit(context)
        if guest is None:
            raise NotAdmittedError("Only a host that connects with a certificate can renew it; enrol this one instead.")
        signed = await self._signer.sign(request.signing_request, guest.host)
        return pki_pb2.Certificate(certificate=signed.certificate, ca_certificates=signed.authorities)
