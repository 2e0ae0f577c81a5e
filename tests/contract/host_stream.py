"""A host's agent, played by a test: it says and hears single messages of the host stream."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc

from api import Api
from headgate.v1 import host_link_pb2 as pb
from headgate.v1 import host_link_pb2_grpc, types_pb2
from headgate_common.identity import Identity
from headgate_common.pki import SERVER_NAME

SECONDS = 10.0


def channel(endpoint: str, identity: Identity | None) -> grpc.Channel:
    """Return a channel to a controller: by certificates, or in the clear without."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    if identity is None:
        return grpc.insecure_channel(endpoint, options=options)
    credentials = grpc.ssl_channel_credentials(identity.ca_pem, identity.key_pem, identity.certificate_pem)
    named = [("grpc.ssl_target_name_override", SERVER_NAME)]
    return grpc.secure_channel(endpoint, credentials, options=options + named)


class HostStream:
    """One stream; what the controller says is taken with `desired`."""

    def __init__(self, endpoint: str, identity: Identity | None = None) -> None:
        self._channel = channel(endpoint, identity)
        self.trusts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._unsent: queue.SimpleQueue[pb.ConnectRequest | None] = queue.SimpleQueue()
        self._heard: queue.SimpleQueue[pb.ConnectResponse | grpc.RpcError | None] = queue.SimpleQueue()
        stub = host_link_pb2_grpc.HostLinkServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._call: Any = stub.Connect(iter(self._unsent.get, None), wait_for_ready=True)
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        try:
            for response in self._call:
                match response.WhichOneof("message"):
                    case "desired":
                        self._heard.put(response)
                    case "trust":
                        self.trusts.put(response.trust.ca_certificates)
            self._heard.put(None)
        except grpc.RpcError as error:
            self._heard.put(error)

    def say(self, **message: Any) -> None:
        """Send one message: hello, ack, nack or report."""
        self._unsent.put(pb.ConnectRequest(**message))

    def hello(
        self, host: str, held: str = "", protocol: int = 1, networks: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        """Say who connects."""
        facts = pb.HostFacts(tunnel_ip="192.0.2.1", physical_networks=networks or {})
        greeting = {"agent_version": "test", "held_version": held, "facts": facts} | more
        self.say(hello=pb.Hello(host=host, protocol=protocol, **greeting))

    def desired(self) -> pb.Desired:
        """Return the next thing that the controller says."""
        heard = self._heard.get(timeout=SECONDS)
        assert isinstance(heard, pb.ConnectResponse), f"the stream ended: {heard}"
        return heard.desired

    def accept(self) -> pb.Desired:
        """Return the next thing that the controller says, after acknowledging it."""
        desired = self.desired()
        self.say(ack=pb.Ack(nonce=desired.nonce, version=desired.version))
        return desired

    def refuse(self, reason: str, message: str, version: str = "") -> pb.Desired:
        """Return the next thing that the controller says, after refusing it."""
        desired = self.desired()
        self.say(nack=pb.Nack(nonce=desired.nonce, version=version, reason=reason, message=message))
        return desired

    def end(self) -> grpc.RpcError | None:
        """Return how the controller ends the stream: None without an error."""
        heard = self._heard.get(timeout=SECONDS)
        assert not isinstance(heard, pb.ConnectResponse), f"the stream goes on: {heard}"
        return heard

    def close(self) -> None:
        """Hang up."""
        self._call.cancel()
        self._unsent.put(None)
        self._listener.join(SECONDS)
        self._channel.close()


@contextmanager
def host_stream(endpoint: str, identity: Identity | None = None) -> Iterator[HostStream]:
    """Hold a stream while the block runs."""
    stream = HostStream(endpoint, identity)
    try:
        yield stream
    finally:
        stream.close()


def conditions(api: Api, host: str) -> dict[str, str]:
    """Return what is wrong with a host; what is only good to know is left out."""
    told = api.get(f"hosts/{host}").status.conditions
    return {c.reason: c.message for c in told if c.severity != types_pb2.SEVERITY_INFO}
