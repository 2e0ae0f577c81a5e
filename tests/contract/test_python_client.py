"""The Python client, against a real controller."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from controller_site import Controller, controlling
from tls_site import TlsSite

from headgate.v1.host_pb2 import Host
from headgate.v1.port_pb2 import Port
from headgate.v1.subnet_pb2 import Subnet, Vlan
from headgate.v1.vpc_pb2 import Vpc
from headgate_sdk import (
    AlreadyExistsError,
    CaughtUp,
    Change,
    Client,
    InvalidError,
    NotFoundError,
    NotRealisedError,
    RefusedError,
    UnreachableError,
    creation,
    deletion,
    update,
)

DEAD = "127.0.0.1:9"


@pytest.fixture
def client(shared_controller: Controller) -> Iterator[Client]:
    with Client([shared_controller.api]) as found:
        yield found


@pytest.fixture
def web(client: Client, project: str) -> Subnet:
    """A subnet of a VPC."""
    vpc = client.create(Vpc(name=f"projects/{project}/vpcs/shop"))
    return client.create(Subnet(name=f"{vpc.name}/subnets/web", cidr="10.1.0.0/24"))


def test_what_is_created_is_realised_read_changed_and_deleted(client: Client, project: str) -> None:
    vpc = client.create_and_wait(Vpc(name=f"projects/{project}/vpcs/shop", display_name="Shop"), seconds=20)
    assert vpc.status.realised_generation == vpc.generation == 1
    changed = client.update(Vpc(name=vpc.name, display_name="Other", etag=vpc.etag))
    assert client.get(Vpc, vpc.name).display_name == changed.display_name == "Other"
    assert client.update(Vpc(name=vpc.name), "display_name").display_name == ""
    client.delete(vpc.name)
    with pytest.raises(NotFoundError):
        client.get(Vpc, vpc.name)


def test_a_refusal_tells_every_fault_and_whom_it_is_about(client: Client, web: Subnet) -> None:
    with pytest.raises(InvalidError) as invalid:
        client.create(Subnet(name=f"{web.name}2", cidr="10.1.0.1/24", ipv6_cidr="nonsense"))
    assert {(fault.field, fault.reason) for fault in invalid.value.faults} == {
        ("cidr", "BAD_FORMAT"),
        ("ipv6_cidr", "BAD_FORMAT"),
    }
    assert "nonsense" in str(invalid.value)
    with pytest.raises(AlreadyExistsError, match="web"):
        client.create(web)
    with pytest.raises(RefusedError) as stale:
        client.update(Subnet(name=web.name, description="x", etag="1"))
    assert stale.value.reason == "STALE_ETAG"
    with pytest.raises(RefusedError) as used:
        client.delete(web.name.rpartition("/subnets/")[0])
    assert web.name in used.value.metadata["referrers"]
    with pytest.raises(TypeError, match="no resource"):
        client.create(Vlan(id=1))


def test_a_list_goes_on_over_all_pages(client: Client, web: Subnet, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{web.name}/ports/p{number}" for number in range(7)]
    client.batch(*(creation(Port(name=name, labels={"tier": "x"})) for name in names))
    monkeypatch.setattr("headgate_sdk.client.PAGE", 3)
    assert [port.name for port in client.list(Port, web.name)] == names
    assert [port.name for port in client.list(Port, web.name, filter='labels.tier = "y"')] == []
    assert list(client.list(Host)) == []


def test_a_batch_is_all_or_nothing_and_tells_what_came_of_each(client: Client, web: Subnet) -> None:
    one = f"{web.name}/ports/one"
    with pytest.raises(InvalidError):
        client.batch(creation(Port(name=one)), creation(Port(name=f"{web.name}/ports/two", ip="192.0.2.1")))
    made, changed, gone = client.batch(
        creation(Port(name=one)), update(Subnet(name=web.name, description="x")), deletion(one)
    )
    assert (made, changed.description, gone) == (None, "x", None)


def test_a_wait_in_vain_names_what_is_missing(client: Client, web: Subnet) -> None:
    with pytest.raises(NotFoundError):
        client.wait(f"{web.name}/ports/nobody", seconds=1)
    with pytest.raises(NotRealisedError, match=web.name):
        client.wait(web.name, generation=99, seconds=0.2)


def test_a_dead_controller_is_passed_over_and_none_is_told_soon(shared_controller: Controller) -> None:
    with Client([DEAD, shared_controller.api]) as client:
        assert list(client.list(Host)) == []
    with Client([DEAD], seconds=0.5) as alone, pytest.raises(UnreachableError):
        alone.get(Vpc, "projects/p/vpcs/v")


def test_what_is_no_endpoint_is_told_at_once() -> None:
    with pytest.raises(ValueError, match='write "host:port" or "unix:/path"'):
        Client(["localhost"])


def test_a_certificate_that_does_not_fit_is_told_with_the_fix(shared_tls_site: TlsSite) -> None:
    site = shared_tls_site
    ca = str(site.pki.authority.bundle_path)
    with Client([DEAD, site.address], token=site.token()[1], ca_file=ca) as client:
        assert list(client.list(Host)) == []
    with (
        Client([site.address], ca_file="", seconds=0.5) as in_the_clear,
        pytest.raises(UnreachableError, match=r"wants TLS: give the file of its CA. The client's side is ca_file"),
    ):
        in_the_clear.get(Vpc, "projects/p/vpcs/v")


def test_a_watch_goes_on_where_it_was_after_the_controller_was_killed(run_directory: Path) -> None:
    with controlling(Controller(run_directory / "watched")) as controller, Client([controller.api]) as client:
        vpcs = [f"projects/watched/vpcs/v{number}" for number in range(3)]
        client.create(Vpc(name=vpcs[0]))
        changes = client.watch("projects/watched/")
        assert [type(change) for change in itertools.islice(changes, 2)] == [Change, CaughtUp]
        client.create(Vpc(name=vpcs[1]))
        assert _next(changes).name == vpcs[1]
        controller.kill()
        controller.start()
        client.create(Vpc(name=vpcs[2], description="after"))
        client.delete(vpcs[0])
        assert _next(changes).resource.description == "after"
        assert (gone := _next(changes)).name == vpcs[0]
        assert gone.resource is None
        client.batch(deletion(vpcs[1]), deletion(vpcs[2]))


def _next(changes: Iterator[Change | CaughtUp]) -> Change:
    return next(change for change in changes if isinstance(change, Change))


def test_a_call_waits_for_a_controller_that_restarts(run_directory: Path) -> None:
    controller = Controller(run_directory / "late")
    controller.launch()
    try:
        with Client([controller.api], seconds=20) as client:
            assert list(client.list(Host)) == []
    finally:
        controller.kill()
