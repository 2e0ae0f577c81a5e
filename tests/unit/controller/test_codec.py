"""Messages ↔ nouns: every field of every kind there and back, every annotation enforced, updates by mask."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_site import INTERNET, SUBNET, VPC, connected, faults, later, schema, simple

from headgate.v1 import annotations_pb2 as ann
from headgate.v1 import types_pb2
from headgate_controller.annotations import rule_of
from headgate_controller.codec import META_FIELDS, KindCodec
from headgate_controller.errors import UnknownKindError, Violation
from headgate_controller.kinds.registry import load
from headgate_controller.schema import Schema

KINDS = sorted(schema().codecs)
EXAMPLE_NAMES = {
    "vpc": "projects/p/vpcs/v",
    "subnet": "projects/p/vpcs/v/subnets/s",
    "port": "projects/p/vpcs/v/subnets/s/ports/x",
    "route": "projects/p/vpcs/v/routes/r",
    "floating_ip": "projects/p/floatingIps/f",
    "host": "hosts/h1",
    "vm": "projects/p/vms/v",
}
TEXTS = {
    "Host.zone": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}[A-Za-z0-9]", fullmatch=True),
    "Vlan.physical_network": st.from_regex(r"[a-z][a-z0-9_.-]{0,20}[a-z0-9]", fullmatch=True),
    "Subnet.domain_name": st.from_regex(r"[a-z][a-z0-9.-]{0,20}[a-z0-9]", fullmatch=True),
}
KEYS = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)
v4, v6 = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)


def prefixes(address: type[IPv4Address] | type[IPv6Address], bits: int) -> st.SearchStrategy[str]:
    def text(value: int, length: int) -> str:
        return f"{address(value >> (bits - length) << (bits - length))}/{length}"

    return st.builds(text, st.integers(0, (1 << bits) - 1), st.integers(0, bits))


v4_prefix, v6_prefix = prefixes(IPv4Address, 32), prefixes(IPv6Address, 128)
macs = st.binary(min_size=5, max_size=5).map(lambda raw: "0a:" + raw.hex(":"))
FORMATS: dict[int, st.SearchStrategy[str]] = {
    ann.FORMAT_IPV4: v4,
    ann.FORMAT_IPV6: v6,
    ann.FORMAT_IP: v4 | v6,
    ann.FORMAT_IPV4_PREFIX: v4_prefix,
    ann.FORMAT_IPV6_PREFIX: v6_prefix,
    ann.FORMAT_PREFIX: v4_prefix | v6_prefix,
    ann.FORMAT_MAC: macs,
}
"""Texts in their one spelling, so that they come back as they went in."""


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def value_of(field: FieldDescriptor, rule: ann.Field) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return message_of(field.message_type)
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values if value.number])
    if rule.format:
        return FORMATS[rule.format]
    if rule.references:
        return st.just(EXAMPLE_NAMES[rule.references])
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        owner = f"{field.containing_type.name}.{field.name}"
        plain = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=40)
        return TEXTS.get(owner, plain)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    return st.integers(max(rule.minimum, 0), rule.maximum if rule.HasField("maximum") else 1 << 31)


def field_of(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    rule = rule_of(field)
    if is_map(field):
        values = value_of(field.message_type.fields_by_name["value"], rule)
        return st.dictionaries(KEYS, values, max_size=3)
    if field.is_repeated:
        return st.lists(value_of(field, rule), min_size=max(rule.min_size, 0), max_size=3)
    return value_of(field, rule)


def message_of(descriptor: Descriptor, first: int = 1) -> st.SearchStrategy[dict[str, Any]]:
    """Return fields of a message as a dictionary; of each oneof one, each optional one or not."""
    oneofs = [o for o in descriptor.oneofs if len(o.fields) > 1]
    chosen = [st.one_of([st.fixed_dictionaries({f.name: field_of(f)}) for f in o.fields]) for o in oneofs]
    stored = [f for f in descriptor.fields if f.number >= first and not rule_of(f).live]
    single = [f for f in stored if f.containing_oneof not in oneofs]
    required = {f.name: field_of(f) for f in single if rule_of(f).behavior == ann.BEHAVIOR_REQUIRED or f.is_repeated}
    optional = {f.name: field_of(f) for f in single if f.name not in required}
    return st.builds(_joined, st.fixed_dictionaries(required, optional=optional), *chosen)


def _joined(*parts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


def built(codec: KindCodec, fields: dict[str, Any]) -> Any:
    return json_format.ParseDict(fields, codec.message())


def messages(kind: str) -> st.SearchStrategy[Any]:
    """Return whole messages of a kind, outputs too, as they are stored."""
    codec = schema().codecs[kind]
    common = {
        "uid": st.uuids().map(str),
        "generation": st.integers(1, 1 << 40).map(str),
        "etag": st.integers(1, 1 << 40).map(str),
        "state": st.sampled_from([1, 2]),
        "create_time": st.datetimes().map(lambda t: t.isoformat() + "Z"),
        "update_time": st.datetimes().map(lambda t: t.isoformat() + "Z"),
    }
    words = {name: field_of(codec.descriptor.fields_by_name[name]) for name in META_FIELDS}
    name = st.just({"name": EXAMPLE_NAMES[codec.resource.type]})
    parts = (
        name,
        st.fixed_dictionaries(common),
        st.fixed_dictionaries({}, optional=words),
        message_of(codec.descriptor, 20),
    )
    return st.builds(lambda *found: built(codec, _joined(*found)), *parts)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_goes_there_and_back(kind: str) -> None:
    codec = schema().codecs[kind]
    seen: set[str] = set()

    @settings(max_examples=120, deadline=None)
    @given(messages(kind))
    def there_and_back(message: Any) -> None:
        seen.update(field.name for field, _ in message.ListFields())
        noun = codec.from_store(message)
        assert codec.to_message(noun) == message
        assert codec.from_store(codec.message.FromString(message.SerializeToString())) == noun

    there_and_back()
    stored = {field.name for field in codec.descriptor.fields if not rule_of(field).live}
    assert seen >= stored - {"status", "reconciling"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_sets_every_field_but_outputs(kind: str) -> None:
    codec = schema().codecs[kind]

    @settings(max_examples=80, deadline=None)
    @given(messages(kind))
    def set_by_client(message: Any) -> None:
        found: list[Violation] = []
        noun = codec.from_client(message.name, message, found)
        assert not found
        expected = type(message)()
        expected.CopyFrom(message)
        clear_outputs(expected)
        got = codec.to_message(noun)
        clear_outputs(got)
        assert got == expected

    set_by_client()


def clear_outputs(message: Message) -> None:
    for field, value in message.ListFields():
        if rule_of(field).behavior == ann.BEHAVIOR_OUTPUT_ONLY:
            message.ClearField(field.name)
        elif is_map(field) and field.message_type.fields_by_name["value"].message_type is not None:
            for element in value.values():
                clear_outputs(element)
        elif field.message_type is not None and not is_map(field):
            for element in value if field.is_repeated else [value]:
                clear_outputs(element)


# --- annotations ------------------------------------------------------------------------------------------------------


def read(kind: str, fields: dict[str, Any]) -> list[tuple[str, str]]:
    codec, found = schema().by_type[kind], []  # type: ignore[var-annotated]
    codec.from_client(EXAMPLE_NAMES[kind], built(codec, fields), found)
    assert all(fault.description.endswith(".") for fault in found)
    return [(fault.field, fault.reason) for fault in found]


LAN = {"vlan": {"physical_network": "x", "id": 1}}

BROKEN: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("floating_ip", {}, [("external_subnet", "REQUIRED")]),
    ("route", {}, [("destination", "REQUIRED"), ("next_hops", "TOO_FEW")]),
    ("route", {"destination": "0.0.0.0/0", "next_hops": [{"ip": "10.0.0.1"}] * 17}, [("next_hops", "TOO_MANY")]),
    ("route", {"destination": "0.0.0.0/0", "next_hops": [{}]}, [("next_hops[0]", "EXACTLY_ONE")]),
    ("subnet", {"vlan": {"physical_network": "x", "id": 4095}}, [("vlan.id", "OUT_OF_RANGE")]),
    ("subnet", {"vlan": {"physical_network": "x" * 64, "id": 1}}, [("vlan.physical_network", "TOO_LONG")]),
    ("subnet", {"external": {}}, [("external.mode", "REQUIRED")]),
    ("subnet", {"external": {"mode": 9}}, [("external.mode", "UNKNOWN_VALUE")]),
    ("subnet", {"pools": [{"start": "10.0.0.1"}]}, [("pools[0].end", "REQUIRED")]),
    ("subnet", {"dns_servers": ["10.0.0.1", "x"]}, [("dns_servers[1]", "BAD_FORMAT")]),
    ("subnet", {"dns_servers": ["fd00::1%eth0"]}, [("dns_servers[0]", "BAD_FORMAT")]),
    ("subnet", {"dns_servers": ["10.0.0.1"] * 9}, [("dns_servers", "TOO_MANY")]),
    ("subnet", {"domain_name": "x" * 254}, [("domain_name", "TOO_LONG")]),
    ("subnet", {"domain_name": ""}, [("domain_name", "BAD_FORMAT")]),
    ("port", {"host": "h1"}, [("host", "BAD_REFERENCE")]),
    ("port", {"vm": "a\x00b"}, [("vm", "BAD_FORMAT")]),
    ("port", {"display_name": "x" * 256}, [("display_name", "TOO_LONG")]),
    ("port", {"description": "x" * 1025}, [("description", "TOO_LONG")]),
    ("port", {"labels": {"Upper": "x"}}, [("labels", "BAD_KEY")]),
    ("port", {"labels": {"tier": "x" * 256}}, [("labels[tier]", "TOO_LONG")]),
    ("port", {"labels": {f"k{n}": "" for n in range(65)}}, [("labels", "TOO_MANY")]),
    ("port", {"mac": "00:00:00:00:00:00"}, [("mac", "BAD_FORMAT")]),
    ("vpc", {"external_subnets": {"a": {}}}, [("external_subnets[a].subnet", "REQUIRED")]),
    ("vpc", {"external_subnets": {"a": {"subnet": "hosts/h1"}}}, [("external_subnets[a].subnet", "BAD_REFERENCE")]),
]


@pytest.mark.parametrize(("kind", "fields", "expected"), BROKEN, ids=lambda value: str(value)[:60])
def test_each_annotation_is_enforced(kind: str, fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert read(kind, fields) == expected


def test_every_fault_of_a_message_is_found_at_once() -> None:
    fields = {"ip": "x", "ipv6": "y", "mac": "z", "host": "h", "display_name": "d" * 256, "labels": {"A": ""}}
    assert [field for field, _ in read("port", fields)] == ["ip", "ipv6", "mac", "host", "display_name", "labels"]


def test_addresses_are_kept_in_one_spelling() -> None:
    codec = schema().by_type["subnet"]
    fields = {"ipv6_cidr": "2001:DB8:0:0::/64", "dns_servers": ["2001:DB8::0053"]}
    message = codec.to_message(codec.from_client("x", built(codec, fields), []))
    assert (message.ipv6_cidr, list(message.dns_servers)) == ("2001:db8::/64", ["2001:db8::53"])


def test_lists_keep_the_order_of_the_client() -> None:
    codec = schema().by_type["route"]
    hops = [{"ip": "10.0.0.9"}, {"external_subnet": INTERNET}, {"ip": "10.0.0.1"}]
    message = codec.to_message(codec.from_client("x", built(codec, {"destination": "::/0", "next_hops": hops}), []))
    assert json_format.MessageToDict(message, preserving_proto_field_name=True)["next_hops"] == hops


def test_fields_that_are_left_out_stay_left_out() -> None:
    codec = schema().by_type["port"]
    message = codec.to_message(codec.from_client("x", codec.message(), []))
    assert not any(message.HasField(name) for name in ("ip", "ipv6", "mac", "vm", "host", "display_name"))


def test_empty_words_are_not_the_same_as_none() -> None:
    codec = schema().by_type["port"]
    message = codec.to_message(codec.from_client("x", codec.message(display_name=""), []))
    assert message.HasField("display_name")


# --- updates ----------------------------------------------------------------------------------------------------------


def test_a_mask_changes_just_what_it_names() -> None:
    site = simple()
    site.update(SUBNET, display_name="web", description="tier", domain_name="a.local")
    site.update(SUBNET, ["domain_name", "display_name"], domain_name="b.local", description="not this")
    message = site.message(SUBNET)
    assert (message.domain_name, message.description) == ("b.local", "tier")
    assert not message.HasField("display_name")


def test_an_empty_mask_changes_what_is_set() -> None:
    site = simple()
    site.update(SUBNET, display_name="web", labels={"tier": "front"})
    site.update(SUBNET, description="tier")
    message = site.message(SUBNET)
    assert (message.display_name, message.description, dict(message.labels)) == ("web", "tier", {"tier": "front"})


def test_a_star_changes_everything_but_what_the_server_chose() -> None:
    site = simple()
    site.create(f"{SUBNET}/ports/a", vm="one", labels={"a": "b"}, ip="10.1.0.50")
    before = site.message(f"{SUBNET}/ports/a")
    site.update(f"{SUBNET}/ports/a", ["*"], description="new")
    after = site.message(f"{SUBNET}/ports/a")
    assert (after.ip, after.mac, after.uid, after.iface_id) == ("10.1.0.50", before.mac, before.uid, before.iface_id)
    assert (after.HasField("vm"), dict(after.labels), after.description) == (False, {}, "new")


def test_maps_and_lists_are_replaced_whole() -> None:
    site = connected()
    site.update(SUBNET, dns_servers=["10.1.0.2", "10.1.0.3"], labels={"a": "1", "b": "2"})
    site.update(SUBNET, ["dns_servers", "labels"], dns_servers=["10.1.0.9"], labels={"c": "3"})
    assert (list(site.message(SUBNET).dns_servers), dict(site.message(SUBNET).labels)) == (["10.1.0.9"], {"c": "3"})
    site.update(VPC, ["external_subnets"])
    assert not site.message(VPC).external_subnets


@pytest.mark.parametrize("path", ["colour", "vlan.id", "name", "uid", "gateway_mac", "status", ""])
def test_a_mask_with_a_path_that_cannot_be_set_is_refused(path: str) -> None:
    assert faults(later(simple().update, SUBNET, [path, "description"])) == [("update_mask", "BAD_MASK")]


def test_outputs_that_a_client_sends_back_are_no_change() -> None:
    site = connected()
    site.create(f"{SUBNET}/ports/a")
    for name in list(site.world.resources):
        message = site.message(name)
        message.status.realised_generation = 99
        fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
        del fields["name"]
        revision = site.world.revision
        site.update(name, ["*"], **fields)
        site.update(name, **fields)
        assert site.world.revision == revision


def test_immutable_changes_and_bad_values_are_refused_together() -> None:
    attempt = later(simple().update, SUBNET, ["*"], cidr="10.9.0.0/24", dns_servers=["x"], gateway="10.1.0.1")
    assert sorted(faults(attempt)) == [("cidr", "IMMUTABLE"), ("dns_servers[0]", "BAD_FORMAT")]


def test_an_immutable_field_that_is_taken_away_is_refused() -> None:
    attempt = later(simple().update, SUBNET, ["cidr"])
    assert faults(attempt) == [("cidr", "IMMUTABLE")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_immutable_field_refuses_another_value(kind: str) -> None:
    codec = schema().codecs[kind]
    fields = [f for f in codec.own.fields if f.rule.immutable]

    @settings(max_examples=30, deadline=None)
    @given(messages(kind), messages(kind))
    def changed(before: Any, other: Any) -> None:
        noun = codec.from_store(before)
        for field in fields:
            found: list[Violation] = []
            codec.merged(noun, other, [field.name], found)
            same = field.read(before, "", []) == field.read(other, "", [])
            kept = field.rule.server_chosen and not other.HasField(field.name)
            assert [fault.reason for fault in found] == ([] if same or kept else ["IMMUTABLE"])

    if fields:
        changed()


def test_a_noun_that_lacks_a_field_of_its_message_is_refused_at_start() -> None:
    @dataclass(frozen=True, slots=True)
    class Poor:
        name: str

    kinds = dict(load())
    kinds["headgate.v1.Vpc"] = replace(kinds["headgate.v1.Vpc"], noun=Poor)
    with pytest.raises(UnknownKindError, match=r"Poor lacks external_subnets of headgate\.v1\.Vpc"):
        Schema(kinds)


def test_states_are_shown() -> None:
    site = simple()
    assert site.message(VPC).state == types_pb2.STATE_ACTIVE
    assert re.fullmatch(r"[0-9]+", site.message(VPC).etag)
