"""A crowd of agents in one process, each a connection of its own to a real controller: they say hello, hold what they
are told, and acknowledge it. They are no hosts: nothing is done about what is desired.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import grpc

from headgate.v1 import host_link_pb2 as pb
from headgate_common import pki
from headgate_common.identity import Identity
from headgate_common.limits import allow_many_files
from headgate_common.pki import SERVER_NAME, Role, Subject

METHOD = "/headgate.v1.HostLinkService/Connect"
OPTIONS = (
    # As an agent's: what a connection costs a controller depends on both ends.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.ssl_target_name_override", SERVER_NAME),
)
RETRY_SECONDS = 0.2

_Stream: TypeAlias = "grpc.aio.StreamStreamCall[bytes, bytes]"


def identities(ca_dir: Path, names: Sequence[str]) -> list[Identity]:
    """Return a certificate for each host, from the CA in a directory, which does not note them down.

    All are of one key: to make a thousand takes long.
    """
    pem = (ca_dir / "signing.pem").read_bytes()
    authority, key, now = pki.Issuer(pki.certificates_from(pem)[0], pki.key_from(pem)), pki.new_key(), pki.utc_now()
    issued = (pki.issue(authority, Subject(Role.HOST, name), key.public_key(), now) for name in names)
    return [Identity(key, certificate, (authority.certificate,)) for certificate in issued]


@dataclass(eq=False, slots=True)
class CrowdAgent:
    """One agent; `held` is the version that it holds, over all its streams."""

    name: str
    identity: Identity
    held: str = ""
    connected: bool = False
    streams: int = 0
    wholes: int = 0
    differences: int = 0
    taken_bytes: int = 0


@dataclass(eq=False, slots=True)
class Crowd:
    """Agents that dial `endpoint` again and again; none acknowledges anything while `answering` is not set."""

    endpoint: str
    agents: list[CrowdAgent]
    answering: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answering.set()

    @asynccontextmanager
    async def gathered(self) -> AsyncIterator[None]:
        """Have every agent keep a stream open while the block runs."""
        allow_many_files()
        tasks = [asyncio.create_task(self._keep(agent)) for agent in self.agents]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def connected(self) -> int:
        """How many have been heard and answered on the stream that they have now."""
        return sum(agent.connected for agent in self.agents)

    async def _keep(self, agent: CrowdAgent) -> None:
        """Dial, converse, and dial again."""
        while True:
            try:
                async with _channel(self.endpoint, agent.identity) as channel:
                    await self._converse(agent, channel.stream_stream(METHOD)())
            except grpc.aio.AioRpcError:
                pass
            agent.connected = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _converse(self, agent: CrowdAgent, stream: _Stream) -> None:
        agent.streams += 1
        facts = pb.HostFacts(tunnel_ip="192.0.2.1")
        hello = pb.Hello(host=agent.name, protocol=2, agent_version="crowd", held_version=agent.held, facts=facts)
        await stream.write(pb.ConnectRequest(hello=hello).SerializeToString())
        while isinstance(heard := await stream.read(), bytes):
            agent.connected = True
            if (answer := _taken(agent, heard)) is not None:
                await self.answering.wait()
                await stream.write(answer)


def _taken(agent: CrowdAgent, heard: bytes) -> bytes | None:
    """Take in what a controller says, and return the answer if there is to be one."""
    response = pb.ConnectResponse.FromString(heard)
    if not response.HasField("desired"):
        return None
    desired = response.desired
    agent.held = desired.version
    agent.taken_bytes += len(heard)
    if desired.base_version:
        agent.differences += 1
    else:
        agent.wholes += 1
    return pb.ConnectRequest(ack=pb.Ack(nonce=desired.nonce, version=desired.version)).SerializeToString()


def _channel(endpoint: str, identity: Identity) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(identity.ca_pem, identity.key_pem, identity.certificate_pem)
    return grpc.aio.secure_channel(endpoint, credentials, options=OPTIONS)
