"""A controller that requires tokens on loopback, and clients of it that hold one."""

from __future__ import annotations

import secrets
import time

from controller_site import Controller

from api import Api
from headgate.v1 import token_pb2, token_pb2_grpc

READ_ONLY, READ_WRITE = token_pb2.TOKEN_ACCESS_READ_ONLY, token_pb2.TOKEN_ACCESS_READ_WRITE
INTERNET = {
    "vlan": {"physicalNetwork": "provider", "id": 200},
    "cidr": "203.0.113.0/24",
    "gateway": "203.0.113.1",
    "pools": [{"start": "203.0.113.10", "end": "203.0.113.99"}],
    "external": {"mode": "MODE_NAT"},
}
SECONDS = 10


class TokenSite:
    """A controller, its administrator, and its tokens."""

    def __init__(self, controller: Controller, address: str) -> None:
        self.controller = controller
        self.address = address
        self.admin = Api(controller.api)
        self.tokens = token_pb2_grpc.TokenServiceStub(self.admin.channel)
        self._clients = [self.admin]

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def token(self, *projects: str, access: int = READ_WRITE, expires_in: float | None = None) -> tuple[str, str]:
        """Make a token and return its name and its secret."""
        wanted = token_pb2.Token(projects=projects, access=access)
        if expires_in is not None:
            wanted.expire_time.FromNanoseconds(time.time_ns() + int(expires_in * 1e9))
        request = token_pb2.CreateTokenRequest(token_id=f"t-{secrets.token_hex(4)}", token=wanted)
        made = self.tokens.CreateToken(request, timeout=SECONDS)
        return made.token.name, made.secret

    def client(self, token: str = "") -> Api:
        """Return a client on loopback with a token."""
        made = Api(self.address, token=token)
        self._clients.append(made)
        return made

    def holding(self, *projects: str, access: int = READ_WRITE) -> Api:
        """Return a client on loopback with a new token."""
        return self.client(self.token(*projects, access=access)[1])
