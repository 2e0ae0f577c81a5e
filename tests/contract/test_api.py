"""The standard methods of every kind, as a client of the controller sees them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from controller_site import Central
from google.protobuf.field_mask_pb2 import FieldMask
from refusal import refusal

import api as client
from api import Api
from headgate.v1 import annotations_pb2, subnet_pb2, types_pb2, vpc_pb2
from headgate_lab.waiting import wait_until

Samples = dict[str, dict[str, Any]]


def one_of_each(project: str) -> Samples:
    """Return a resource of every kind, each after those that it refers to."""
    home, vpc = f"projects/{project}", f"projects/{project}/vpcs/shop"
    internet = f"{home}/subnets/internet"
    return {
        internet: {
            "vlan": {"physicalNetwork": project, "id": 200},
            "cidr": "203.0.113.0/24",
            "gateway": "203.0.113.1",
            "external": {"mode": "MODE_NAT"},
        },
        f"{home}/vms/web1": {},
        vpc: {"externalSubnets": {"internet": {"subnet": internet}}},
        f"{vpc}/subnets/web": {"cidr": "10.1.0.0/24"},
        f"{vpc}/subnets/web/ports/web1": {"ip": "10.1.0.10", "vm": f"{home}/vms/web1"},
        f"{vpc}/routes/default": {"destination": "0.0.0.0/0", "nextHops": [{"externalSubnet": internet}]},
        f"{home}/floatingIps/web1": {"externalSubnet": internet, "port": f"{vpc}/subnets/web/ports/web1"},
        f"hosts/{project}-h1": {},
    }


def kind_of(name: str) -> str:
    return name.split("/")[-2]


KINDS = sorted({kind_of(name) for name in one_of_each("p")})


@pytest.fixture
def samples(api: Api, project: str) -> Samples:
    made = one_of_each(project)
    for name, fields in made.items():
        api.create(name, **fields)
    return made


@pytest.fixture
def shop(api: Api, project: str) -> str:
    """A VPC with the subnet web, 10.1.0.0/24."""
    vpc = f"projects/{project}/vpcs/shop"
    api.create(vpc)
    api.create(f"{vpc}/subnets/web", cidr="10.1.0.0/24")
    return vpc


def listed(api: Api, kind: str, **request: Any) -> list[str]:
    """Return the names in one page of a list."""
    return [resource.name for resource in page(api, kind, **request)[0]]


def page(api: Api, kind: str, **request: Any) -> tuple[list[Any], str]:
    response = api.call(api.kind(f"{kind}/x"), "List", **request)
    return list(getattr(response, response.DESCRIPTOR.fields[0].name)), response.next_page_token


def parent_request(name: str) -> dict[str, str]:
    parent = "/".join(name.split("/")[:-2])
    return {"parent": parent} if parent else {}


def fresh() -> str:
    return str(uuid.uuid4())


def intent_of(resource: Any) -> Any:
    """Return a resource without what follows from the data plane."""
    copy = type(resource)()
    copy.CopyFrom(resource)
    copy.ClearField("status")
    copy.ClearField("reconciling")
    return copy


# Every kind


def test_the_samples_are_of_every_kind_there_is() -> None:
    kinds = {d.GetOptions().Extensions[annotations_pb2.resource].plural for d in client._kinds()}
    assert set(KINDS) == kinds


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_created_is_got_listed_updated_and_deleted(api: Api, samples: Samples, kind: str) -> None:
    name = next(name for name in reversed(samples) if kind_of(name) == kind)
    made = api.get(name)
    assert (made.name, made.generation, made.state) == (name, 1, types_pb2.STATE_ACTIVE)
    assert uuid.UUID(made.uid)
    assert name in listed(api, kind, **parent_request(name))
    changed = api.update(name, display_name="changed")
    assert (changed.display_name, changed.generation, changed.uid) == ("changed", 2, made.uid)
    assert changed.etag != made.etag
    assert intent_of(api.get(name)) == intent_of(changed)
    same = api.update(name, display_name="changed")
    assert (same.generation, same.etag) == (2, changed.etag), "an update that changes nothing is no change"
    for other in reversed(samples):
        api.delete(other)
        gone = refusal(api.get, other)
        assert (gone.code, gone.reason, gone.metadata["resource"]) == ("NOT_FOUND", "NOT_FOUND", other)
        assert other in gone.message
        if other == name:
            break
    assert name not in listed(api, kind, **parent_request(name))
    assert refusal(api.delete, name).code == "NOT_FOUND"
    assert refusal(api.update, name, display_name="late").code == "NOT_FOUND"


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_is_taken_is_refused(api: Api, samples: Samples, kind: str) -> None:
    name = next(name for name in samples if kind_of(name) == kind)
    taken = refusal(api.create, name, **samples[name])
    assert (taken.code, taken.reason, taken.domain) == ("ALREADY_EXISTS", "ALREADY_EXISTS", "headgate")
    assert taken.metadata == {"resource": name}
    assert taken.message == f"{name} exists already."


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_works_on_its_own_kind_only(api: Api, samples: Samples, kind: str) -> None:
    descriptor = api.kind(f"{kind}/x")
    type_ = descriptor.GetOptions().Extensions[annotations_pb2.resource].type
    others = [name for name in samples if kind_of(name) != kind]
    for name in [*others, "", "nonsense", f"projects/x/{kind}", "/".join(["x"] * 12)]:
        for verb, request in (
            ("Get", {"name": name}),
            ("Delete", {"name": name}),
            ("Update", {type_: {"name": name}, "update_mask": FieldMask(paths=["display_name"])}),
        ):
            refused = refusal(api.call, descriptor, verb, **request)
            assert (refused.code, refused.faults) == ("INVALID_ARGUMENT", {("name", "BAD_NAME")}), (verb, name)
            assert "has not the form" in refused.words["name"]
    assert sorted(samples) == sorted(n for n in samples if api.get(n).generation == 1), "all are as they were"


@pytest.mark.parametrize("kind", KINDS)
def test_validate_only_checks_everything_and_changes_nothing(
    api: Api, ovn: Central, samples: Samples, kind: str
) -> None:
    name = next(name for name in samples if kind_of(name) == kind)
    descriptor = api.kind(name)
    type_ = descriptor.GetOptions().Extensions[annotations_pb2.resource].type
    api.realised(next(name for name in samples if kind_of(name) == "vpcs"), seconds=1)
    rows = ovn.northbound()
    before = api.get(name)
    would = api.call(
        descriptor,
        "Update",
        **{type_: {"name": name, "display_name": "never"}},
        update_mask=FieldMask(paths=["display_name"]),
        validate_only=True,
    )
    assert (would.display_name, would.generation) == ("never", 2)
    if kind in ("hosts", "routes", "floatingIps"):
        api.call(descriptor, "Delete", name=name, validate_only=True)
    copy = type(before)()
    request = {**parent_request(name), f"{type_}_id": "another", type_: copy}
    if kind == "vpcs":
        assert api.call(descriptor, "Create", **request, validate_only=True).name.endswith("/vpcs/another")
    assert intent_of(api.get(name)) == intent_of(before)
    assert ovn.northbound() == rows


def test_a_validation_says_what_the_server_would_choose(api: Api, shop: str) -> None:
    port = api.call(
        api.kind("ports/x"), "Create", parent=f"{shop}/subnets/web", port_id="a", port={}, validate_only=True
    )
    assert port.ip == "10.1.0.2"
    assert port.mac
    assert refusal(api.get, port.name).code == "NOT_FOUND"
    assert api.create(port.name).ip == "10.1.0.2", "nothing was taken"


# Lists


def test_pages_hold_everything_once_even_when_it_changes_between_them(api: Api, project: str) -> None:
    home = f"projects/{project}"
    names = [f"{home}/vpcs/v{i}" for i in range(7)]
    for name in names:
        api.create(name)
    first, token = page(api, "vpcs", parent=home, page_size=3)
    assert [vpc.name for vpc in first] == names[:3]
    api.delete(names[2])
    api.delete(names[3])
    api.create(f"{home}/vpcs/v00")
    api.create(f"{home}/vpcs/v55")
    second, token = page(api, "vpcs", parent=home, page_size=3, page_token=token)
    assert [vpc.name for vpc in second] == [names[4], names[5], f"{home}/vpcs/v55"]
    third, token = page(api, "vpcs", parent=home, page_size=3, page_token=token)
    assert [vpc.name for vpc in third] == [names[6]]
    assert token == ""


def test_a_full_last_page_is_the_last(api: Api, project: str) -> None:
    for i in range(4):
        api.create(f"projects/{project}/vpcs/v{i}")
    assert page(api, "vpcs", parent=f"projects/{project}", page_size=4)[1] == ""
    assert len(page(api, "vpcs", parent=f"projects/{project}", page_size=100_000)[0]) == 4


def test_a_hyphen_in_a_parent_stands_for_any(api: Api, samples: Samples, project: str) -> None:
    home = f"projects/{project}"
    api.create(f"{home}/vpcs/bank")
    api.create(f"{home}/vpcs/bank/subnets/web", cidr="10.1.0.0/24")
    subnets = [f"{home}/vpcs/{vpc}/subnets/web" for vpc in ("bank", "shop")]
    assert listed(api, "subnets", parent=f"{home}/vpcs/-") == subnets
    assert listed(api, "subnets", parent=home) == [f"{home}/subnets/internet"]
    assert listed(api, "ports", parent=f"{home}/vpcs/-/subnets/-") == [f"{subnets[1]}/ports/web1"]
    assert {f"{home}/vpcs/bank", f"{home}/vpcs/shop"} <= set(listed(api, "vpcs", parent="projects/-"))


def test_lists_are_filtered_by_fields_and_labels(api: Api, project: str) -> None:
    home = f"projects/{project}"
    api.create(f"{home}/vpcs/a", displayName="black AND white", labels={"tier": "front", "app.kind": "web"})
    api.create(f"{home}/vpcs/b", displayName="plain", labels={"tier": "front"})
    api.create(f"{home}/vpcs/c")

    def found(text: str) -> str:
        return "".join(name[-1] for name in listed(api, "vpcs", parent=home, filter=text))

    assert found("labels.tier = front") == "ab"
    assert found('labels.tier = "front" AND display_name="plain"') == "b"
    assert found('display_name = "black AND white"') == "a"
    assert found("labels.app.kind = web") == "a"
    assert found('display_name = ""') == "c"
    assert found("state = STATE_ACTIVE AND generation = 1") == "abc"
    assert found(f"name = {home}/vpcs/c") == "c"
    assert found("labels.tier = back") == ""
    api.update(f"{home}/vpcs/c", display_name="plain")
    assert found("display_name = plain") == "bc"


def test_hosts_are_filtered_by_a_truth(api: Api, project: str) -> None:
    for name, fields in ((f"hosts/{project}-a", {"drain": True}), (f"hosts/{project}-b", {})):
        api.create(name, **fields)
    mine = f"{project}-"
    assert [n for n in listed(api, "hosts", filter="drain = true") if mine in n] == [f"hosts/{project}-a"]
    assert [n for n in listed(api, "hosts", filter="drain = false") if mine in n] == [f"hosts/{project}-b"]


@pytest.mark.parametrize(
    "text",
    [
        "colour = blue",
        "labels = x",
        "status = x",
        "external_subnets = x",
        "reconciling = true",
        "display_name",
        "display_name = a OR b",
        "display_name = a display_name = b",
        'display_name = "open',
        "AND",
        "display_name = a AND",
        "\0",
        "a" + " " * 100_000 + "b",
    ],
)
def test_a_filter_that_is_none_is_refused_with_an_example(api: Api, project: str, text: str) -> None:
    refused = refusal(api.call, api.kind("vpcs/x"), "List", parent=f"projects/{project}", filter=text)
    assert (refused.code, refused.faults) == ("INVALID_ARGUMENT", {("filter", "BAD_FILTER")})
    assert 'display_name = "web" AND labels.tier = "front"' in refused.words["filter"]


def test_a_page_that_cannot_be_is_refused_with_all_faults(api: Api, project: str) -> None:
    for token in ("%%%", "_____w==", "\0é", "x" * 100_001):
        refused = refusal(
            api.call, api.kind("vpcs/x"), "List", parent=f"projects/{project}", page_size=-1, page_token=token
        )
        assert refused.faults == {("page_size", "OUT_OF_RANGE"), ("page_token", "BAD_PAGE_TOKEN")}


# Masks, etags, replays


def test_only_the_fields_of_the_mask_change(api: Api, project: str) -> None:
    name = f"projects/{project}/vpcs/a"
    made = api.create(name, displayName="one", description="two", labels={"x": "1"})
    update: Callable[..., Any] = lambda paths, **fields: api.call(  # noqa: E731
        api.kind(name), "Update", vpc=vpc_pb2.Vpc(name=name, **fields), update_mask=FieldMask(paths=paths)
    )
    after = update(["display_name"], display_name="new", description="ignored")
    assert (after.display_name, after.description, dict(after.labels)) == ("new", "two", {"x": "1"})
    after = update([], description="set fields only")
    assert (after.display_name, after.description, dict(after.labels)) == ("new", "set fields only", {"x": "1"})
    after = update(["labels"], labels={"y": "2"})
    assert dict(after.labels) == {"y": "2"}
    after = update(["description"])
    assert not after.HasField("description")
    after = update(["*"], display_name="all")
    assert (after.display_name, dict(after.labels), after.uid) == ("all", {}, made.uid)
    refused = refusal(update, ["colour", "uid", "labels.x", "\0"], display_name="never")
    assert refused.faults == {("update_mask", "BAD_MASK")}
    for path in ("colour", "uid", "labels.x"):
        assert repr(path) in refused.message
    assert api.get(name).display_name == "all"


def test_what_the_server_chose_stays_when_a_client_leaves_it_out(api: Api, shop: str) -> None:
    name = f"{shop}/subnets/web/ports/a"
    made = api.create(name)
    after = api.call(
        api.kind(name), "Update", port={"name": name, "display_name": "x"}, update_mask=FieldMask(paths=["*"])
    )
    assert (after.display_name, after.ip, after.mac, after.iface_id) == ("x", made.ip, made.mac, made.uid)


def test_a_stale_etag_is_refused_and_changes_nothing(api: Api, project: str) -> None:
    name = f"projects/{project}/vpcs/a"
    old = api.create(name).etag
    api.update(name, display_name="newer")
    for verb, request in (
        ("Update", {"vpc": vpc_pb2.Vpc(name=name, etag=old, display_name="mine")}),
        ("Delete", {"name": name, "etag": old}),
    ):
        refused = refusal(api.call, api.kind(name), verb, **request)
        assert (refused.code, refused.reason, refused.metadata) == ("ABORTED", "STALE_ETAG", {"resource": name})
        assert "Read it again" in refused.message
    now = api.get(name)
    assert now.display_name == "newer"
    api.call(api.kind(name), "Update", vpc=vpc_pb2.Vpc(name=name, etag=now.etag, display_name="mine"))
    api.call(api.kind(name), "Delete", name=name, etag=api.get(name).etag)


def test_a_request_sent_again_is_answered_and_not_repeated(api: Api, project: str) -> None:
    create = {"parent": f"projects/{project}", "vpc_id": "a", "vpc": {"display_name": "x"}, "request_id": fresh()}
    kind = api.kind("vpcs/x")
    made = api.call(kind, "Create", **create)
    again = api.call(kind, "Create", **create)
    assert (again.uid, again.etag, again.display_name) == (made.uid, made.etag, "x")
    delete = {"name": made.name, "request_id": fresh()}
    api.call(kind, "Delete", **delete)
    api.call(kind, "Delete", **delete)
    assert api.call(kind, "Create", **create).uid == made.uid, "the answer is that of the first time"
    assert refusal(api.get, made.name).code == "NOT_FOUND"
    other = refusal(api.call, kind, "Create", **create | {"vpc_id": "b"})
    assert (other.code, other.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert "fresh UUID" in other.message
    long = refusal(api.call, kind, "Delete", name=made.name, request_id="x" * 1_000_000)
    assert long.faults == {("request_id", "TOO_LONG")}


def test_a_refused_request_may_be_sent_again_with_the_same_id(api: Api, project: str) -> None:
    request = {"parent": f"projects/{project}/vpcs/late", "subnet_id": "a", "request_id": fresh()}
    request["subnet"] = subnet_pb2.Subnet(cidr="10.1.0.0/24")
    kind = api.kind("subnets/x")
    assert refusal(api.call, kind, "Create", **request).faults == {("parent", "REFERENCE_NOT_FOUND")}
    api.create(f"projects/{project}/vpcs/late")
    assert api.call(kind, "Create", **request).cidr == "10.1.0.0/24"


# Deletion


def test_a_resource_in_use_is_not_deleted_and_its_users_are_named(api: Api, samples: Samples) -> None:
    vpc = next(name for name in samples if kind_of(name) == "vpcs")
    refused = refusal(api.delete, vpc)
    users = [f"{vpc}/routes/default", f"{vpc}/subnets/web"]
    assert (refused.code, refused.reason, refused.domain) == ("FAILED_PRECONDITION", "IN_USE", "headgate")
    assert refused.metadata == {"resource": vpc, "referrers": ",".join(users)}
    assert all(user in refused.message for user in users)
    assert "Delete these first" in refused.message
    assert api.get(vpc).state == types_pb2.STATE_ACTIVE


@pytest.mark.parametrize("kind", KINDS)
def test_a_protected_resource_of_any_kind_is_not_deleted_until_an_update_lifts_it(
    api: Api, samples: Samples, kind: str
) -> None:
    name = next(name for name in samples if kind_of(name) == kind)
    assert api.update(name, deletion_protection=True).deletion_protection
    for way in (False, True):
        refused = refusal(api.delete, name, when_unreferenced=way)
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "DELETION_PROTECTED")
        assert "deletion_protection = false" in refused.message
    assert api.get(name).state == types_pb2.STATE_ACTIVE
    assert not api.update(name, deletion_protection=False).deletion_protection
    api.call(api.kind(name), "Delete", name=name, when_unreferenced=True, validate_only=True)


def test_a_resource_with_very_many_users_is_refused_in_an_error_that_arrives(api: Api, shop: str) -> None:
    subnet = f"{shop}/subnets/web"
    for i in range(120):
        api.create(f"{subnet}/ports/a-port-with-a-rather-long-name-{i:03}")
    refused = refusal(api.delete, subnet)
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "IN_USE")
    assert "110 more" in refused.message
    named = refused.metadata["referrers"].split(",")
    assert len(named) > 5
    assert all(api.get(name).ip for name in named), "no name is cut off"


def test_a_resource_deleted_when_unreferenced_vanishes_with_its_last_user(api: Api, ovn: Central, shop: str) -> None:
    home, web = shop.rsplit("/", 2)[0], f"{shop}/subnets/web"
    api.create(f"{web}/ports/a")
    api.delete(shop, when_unreferenced=True)
    api.delete(web, when_unreferenced=True)
    assert api.get(shop).state == types_pb2.STATE_DELETING
    assert listed(api, "vpcs", parent=home) == []
    assert listed(api, "vpcs", parent=home, show_deleting=True) == [shop]
    refused = refusal(api.create, f"{shop}/subnets/late", cidr="10.2.0.0/24")
    assert refused.faults == {("parent", "REFERENCE_DELETING")}
    assert refused.metadata["retriable"] == "true"
    assert shop in ovn.nbctl("show"), "it works until then"
    api.delete(f"{web}/ports/a")
    for name in (web, shop):
        assert refusal(api.get, name).code == "NOT_FOUND"
    wait_until(lambda: shop not in ovn.nbctl("show"), seconds=5, what="the rows to be gone")


# What is refused, and how


def refused_cases(vpc: str, project: str) -> dict[str, tuple[str, dict[str, Any], set[tuple[str, str]], list[str]]]:
    """Return by claim: the resource to create, its fields, the faults, and words that the answer must have."""
    web = f"{vpc}/subnets/web"
    return {
        "overlapping ranges": (
            f"{vpc}/subnets/db",
            {"cidr": "10.1.0.128/25"},
            {("cidr", "CIDR_OVERLAP")},
            ["10.1.0.128/25", f"10.1.0.0/24 of {web}", "choose another range"],
        ),
        "an address outside of the subnet": (
            f"{web}/ports/b",
            {"ip": "10.2.0.9"},
            {("ip", "OUTSIDE_RANGE")},
            ["10.2.0.9", "10.1.0.0/24", "choose an address of that range"],
        ),
        "an address that another has": (
            f"{web}/ports/b",
            {"ip": "10.1.0.10"},
            {("ip", "ADDRESS_IN_USE")},
            ["10.1.0.10", f"{web}/ports/a", "choose another"],
        ),
        "the address of the gateway": (
            f"{web}/ports/b",
            {"ip": "10.1.0.1"},
            {("ip", "RESERVED_ADDRESS")},
            ["10.1.0.1", "gateway", "choose another"],
        ),
        "an Ethernet address that another has": (
            f"{web}/ports/b",
            {"mac": "0A:00:00:00:00:01"},
            {("mac", "MAC_IN_USE")},
            ["0a:00:00:00:00:01", f"{web}/ports/a", "choose another"],
        ),
        "host bits": (
            f"{vpc}/subnets/db",
            {"cidr": "10.5.0.7/24"},
            {("cidr", "BAD_FORMAT")},
            ["'10.5.0.7/24'", "10.5.0.0/24"],
        ),
        "a pool that is exhausted": (
            f"{vpc}/subnets/tiny/ports/b",
            {},
            {("ip", "POOL_EXHAUSTED")},
            [f"{vpc}/subnets/tiny", "widen its pools or release some"],
        ),
        "references that lead nowhere": (
            f"projects/{project}/floatingIps/f",
            {"externalSubnet": f"projects/{project}/subnets/none", "port": f"{web}/ports/none"},
            {("external_subnet", "REFERENCE_NOT_FOUND"), ("port", "REFERENCE_NOT_FOUND")},
            [f"projects/{project}/subnets/none", f"{web}/ports/none", "create it first"],
        ),
        "a parent that is not there": (
            f"projects/{project}/vpcs/none/subnets/a",
            {"cidr": "10.1.0.0/24"},
            {("parent", "REFERENCE_NOT_FOUND")},
            [f"projects/{project}/vpcs/none", "create it first"],
        ),
        "a name against the rules": (
            f"projects/{project}/vpcs/Shop_1",
            {"labels": {"UPPER": "x"}},
            {("name", "BAD_NAME"), ("labels", "BAD_KEY")},
            ["Shop_1", "lower-case letters, digits and hyphens", "'UPPER'"],
        ),
        "what is required": (
            f"{vpc}/routes/r",
            {},
            {("destination", "REQUIRED"), ("next_hops", "TOO_FEW")},
            ["It is required; set it", "add some"],
        ),
        "fields of no sense, all of them at once": (
            f"{vpc}/subnets/db",
            {
                "cidr": "10.5.0.0/33",
                "ipv6Cidr": "10.0.0.0/8",
                "gateway": "ten",
                "pools": [{"start": "10.5.0.1"}, {"start": "x", "end": "10.5.0.9"}],
                "dnsServers": ["10.5.0.1", "dns"],
                "domainName": "-x-",
                "description": "x" * 1025,
                "labels": {"a": "\0"},
            },
            {
                ("cidr", "BAD_FORMAT"),
                ("ipv6_cidr", "BAD_FORMAT"),
                ("gateway", "BAD_FORMAT"),
                ("pools[0].end", "REQUIRED"),
                ("pools[1].start", "BAD_FORMAT"),
                ("dns_servers[1]", "BAD_FORMAT"),
                ("domain_name", "BAD_FORMAT"),
                ("description", "TOO_LONG"),
                ("labels[a]", "BAD_FORMAT"),
            },
            ["shorten it", "leave them out"],
        ),
        "contradictions, all of them at once": (
            f"{vpc}/subnets/db",
            {
                "cidr": "10.1.0.0/30",
                "gateway": "10.3.0.1",
                "vlan": {"physicalNetwork": "x", "id": 5},
                "pools": [{"start": "10.1.0.3", "end": "10.1.0.1"}],
                "ipv6Cidr": "2001:db8::/48",
            },
            {
                ("cidr", "CIDR_SIZE"),
                ("cidr", "CIDR_OVERLAP"),
                ("gateway", "OUTSIDE_RANGE"),
                ("vlan", "VLAN_IN_VPC"),
                ("pools[0].end", "RANGE_REVERSED"),
                ("ipv6_cidr", "CIDR_SIZE"),
            },
            ["leave `vlan` out", "exchange start and end"],
        ),
    }


@pytest.mark.parametrize("claim", refused_cases("vpc", "project"))
def test_it_is_refused_with_field_reason_and_fix(api: Api, shop: str, project: str, claim: str) -> None:
    api.create(f"{shop}/subnets/web/ports/a", ip="10.1.0.10", mac="0a:00:00:00:00:01")
    api.create(f"{shop}/subnets/tiny", cidr="10.9.0.0/29", pools=[{"start": "10.9.0.3", "end": "10.9.0.3"}])
    api.create(f"{shop}/subnets/tiny/ports/a")
    before = set(api.names(f"projects/{project}/"))
    name, fields, faults, words = refused_cases(shop, project)[claim]
    refused = refusal(api.create, name, **fields)
    assert (refused.code, refused.reason, refused.domain) == ("INVALID_ARGUMENT", "INVALID", "headgate")
    assert refused.metadata["resource"] == name
    assert refused.faults == faults
    for word in words:
        assert word in refused.message
    assert refused.message.startswith(f"{name} is refused: ")
    assert set(api.names(f"projects/{project}/")) == before


def test_what_cannot_change_is_named_with_what_to_do_instead(api: Api, shop: str) -> None:
    refused = refusal(api.update, f"{shop}/subnets/web", cidr="10.7.0.0/24", gateway="10.7.0.1", domain_name="a..b")
    assert refused.faults >= {("cidr", "IMMUTABLE"), ("gateway", "IMMUTABLE")}
    assert "delete the resource and create it anew" in refused.words["cidr"]
    assert api.get(f"{shop}/subnets/web").cidr == "10.1.0.0/24"


def test_a_name_in_the_message_that_differs_from_the_id_is_refused(api: Api, project: str) -> None:
    refused = refusal(
        api.call, api.kind("vpcs/x"), "Create", parent=f"projects/{project}", vpc_id="a", vpc={"name": "projects/x"}
    )
    assert refused.faults == {("name", "NAME_DIFFERS")}


def test_errors_that_depend_on_others_say_that_they_may_pass(api: Api, shop: str) -> None:
    web = f"{shop}/subnets/web"
    api.create(f"{web}/ports/a", ip="10.1.0.10")
    assert refusal(api.create, f"{web}/ports/b", ip="10.1.0.10").metadata["retriable"] == "true"
    assert "retriable" not in refusal(api.create, f"{web}/ports/b", ip="10.2.0.10").metadata


def test_very_many_faults_arrive_as_many_as_there_is_room_for(api: Api, project: str) -> None:
    pools = [{"start": f"ä{i}" * 20, "end": f"no address {i}"} for i in range(64)]
    refused = refusal(api.create, f"projects/{project}/subnets/s", pools=pools)
    assert refused.code == "INVALID_ARGUMENT"
    assert ("pools[0].start", "BAD_FORMAT") in refused.faults
    assert ("", "MORE_FAULTS") in refused.faults
    assert "more faults; correct these first" in refused.words[""]


def test_an_error_is_readable_whatever_the_client_sent(api: Api, project: str) -> None:
    for wild in (
        "x" * 100_000,
        "é" * 50_000,
        "\U0001f600" * 30_000,
        "\U0001f600," * 9_000,
        "\0" * 3_000,
        "\r\n%0A" * 2_000,
    ):
        refused = refusal(api.get, f"projects/{project}/vpcs/{wild}")
        assert (refused.code, refused.faults) == ("INVALID_ARGUMENT", {("name", "BAD_NAME")})
        assert len(refused.message) < 2_000
        assert "lower-case letters, digits and hyphens" in refused.message, "the fix is kept"
        assert refusal(api.create, f"projects/{project}/vpcs/{wild}", description=wild).code == "INVALID_ARGUMENT"


# Conditions


def test_conditions_say_what_keeps_an_accepted_resource_from_working(api: Api, samples: Samples, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"

    def reasons(name: str) -> dict[str, str]:
        return {c.reason: c.message for c in api.get(name).status.conditions}

    assert project in reasons(vpc)["NO_GATEWAY_HOST"] or "internet" in reasons(vpc)["NO_GATEWAY_HOST"]
    assert "[physical_networks]" in reasons(vpc)["NO_GATEWAY_HOST"]
    assert project in reasons(f"projects/{project}/subnets/internet")["NO_HOST_ON_NETWORK"]
    assert "NEXT_HOP_UNREACHABLE" in reasons(f"{vpc}/routes/default")
    assert "NOT_ATTACHED" in reasons(f"projects/{project}/floatingIps/web1")
    assert "headgate-agent" in reasons(f"hosts/{project}-h1")["NOT_CONNECTED"]
    assert reasons(f"{vpc}/subnets/web") == {}


def test_an_unknown_method_is_unimplemented(api: Api) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        api.channel.unary_unary("/headgate.v1.VpcService/PaintVpc")(b"", timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
