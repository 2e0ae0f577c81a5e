"""Between the agent's values and the messages of the host stream."""

from collections.abc import Mapping

from headgate.v1 import host_link_pb2 as pb
from headgate_hostagent import session
from headgate_hostagent.config import AgentConfig
from headgate_hostagent.objects import Chassis, ExpectedPort, Held, PhysicalNetwork, Thing, Unknown

PROTOCOLS = range(1, 3)
"""The versions of the host stream that this agent speaks; in version 1 controllers neither welcome nor name CAs."""


def update_from(message: pb.Desired) -> session.Update:
    """Return what the controller desires, as values."""
    return session.Update(
        version=message.version,
        base=message.base_version,
        nonce=message.nonce,
        epoch=message.epoch,
        put=_things(message.put),
        remove=tuple(message.remove),
    )


def held_from(message: pb.Desired) -> Held:
    """Return the state that `held_to` wrote."""
    return Held(message.version, message.epoch, _things(message.put))


def held_to(held: Held) -> pb.Desired:
    """Return the whole state as one message; unknown objects are in it as they came."""
    message = pb.Desired(version=held.version, epoch=held.epoch)
    for key, thing in held.objects.items():
        message.put[key].CopyFrom(_object(thing))
    return message


def request(
    effect: session.Hello | session.Ack | session.Nack, config: AgentConfig, agent_version: str
) -> pb.ConnectRequest:
    """Return what to send for `effect`."""
    match effect:
        case session.Hello(held_version, epoch):
            facts = pb.HostFacts(tunnel_ip=config.tunnel_ip, physical_networks=config.physical_networks)
            hello = pb.Hello(
                host=config.host,
                protocol=PROTOCOLS[-1],
                oldest_protocol=PROTOCOLS[0],
                agent_version=agent_version,
                held_version=held_version,
                epoch=epoch,
                facts=facts,
            )
            return pb.ConnectRequest(hello=hello)
        case session.Ack(nonce, version):
            return pb.ConnectRequest(ack=pb.Ack(nonce=nonce, version=version))
        case session.Nack(nonce, version, reason, message):
            nack = pb.Nack(nonce=nonce, version=version, reason=reason, message=message)
            return pb.ConnectRequest(nack=nack)


def _things(put: Mapping[str, pb.DesiredObject]) -> dict[str, Thing]:
    return {key: _thing(message) for key, message in put.items()}


def _thing(message: pb.DesiredObject) -> Thing:
    match message.WhichOneof("object"):
        case "chassis":
            chassis = message.chassis
            return Chassis(chassis.ovn_remote, chassis.encap_type, chassis.encap_ip)
        case "physical_network":
            return PhysicalNetwork(message.physical_network.bridge)
        case "port":
            return ExpectedPort(message.port.iface_id, message.port.mac)
        case _:
            return Unknown(message.SerializeToString())


def _object(thing: Thing) -> pb.DesiredObject:
    match thing:
        case Chassis(ovn_remote, encap_type, encap_ip):
            chassis = pb.Chassis(ovn_remote=ovn_remote, encap_type=encap_type, encap_ip=encap_ip)
            return pb.DesiredObject(chassis=chassis)
        case PhysicalNetwork(bridge):
            return pb.DesiredObject(physical_network=pb.PhysicalNetwork(bridge=bridge))
        case ExpectedPort(iface_id, mac):
            return pb.DesiredObject(port=pb.ExpectedPort(iface_id=iface_id, mac=mac))
        case Unknown(raw):
            return pb.DesiredObject.FromString(raw)
