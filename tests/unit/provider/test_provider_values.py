"""Values, formats, names, paths and settings."""

from typing import Any

import msgpack
import pytest

from headgate_terraform import formats
from headgate_terraform.attributes import Attribute, Nesting, Object, Scalar
from headgate_terraform.kinds import load_kinds
from headgate_terraform.names import NamePattern, check_id
from headgate_terraform.paths import Key, Path, parse_field_path
from headgate_terraform.settings import Endpoint, parse_endpoint
from headgate_terraform.timeouts import parse_timeout
from headgate_terraform.validation import validate
from headgate_terraform.values import UNKNOWN, conform, decode, encode


@pytest.mark.parametrize("code", [0, 12])
def test_any_extension_is_an_unknown_value(code: int) -> None:
    assert decode(msgpack.packb({"a": msgpack.ExtType(code, b"\x81")})) == {"a": UNKNOWN}


def test_an_unknown_value_is_sent_as_extension_zero() -> None:
    assert encode(UNKNOWN) == msgpack.packb(msgpack.ExtType(0, b"\0"))


@pytest.mark.parametrize("encoded", [b"", msgpack.packb(None)])
def test_nothing_and_nil_both_mean_gone(encoded: bytes) -> None:
    assert decode(encoded) is None


def test_numbers_beyond_64_bits_travel_as_text() -> None:
    assert msgpack.unpackb(encode([2**64, 2**64 - 1])) == [str(2**64), 2**64 - 1]


def test_json_is_read_where_there_is_no_messagepack() -> None:
    assert decode(b"", b'{"a": 1}') == {"a": 1}


def test_numbers_that_no_float_holds_exactly_are_read_as_text() -> None:
    assert decode(b"", b'{"a": 0.1, "b": 0.5, "c": 1}') == {"a": "0.1", "b": 0.5, "c": 1}


TEXT = Scalar(type="string")
INNER = Object(attributes=(Attribute(name="kept", element=TEXT), Attribute(name="new", element=TEXT)))


@pytest.mark.parametrize(
    ("nesting", "old", "new"),
    [
        (Nesting.SINGLE, {"kept": "a", "gone": 1}, {"kept": "a", "new": None}),
        (Nesting.LIST, [{"kept": "a"}], [{"kept": "a", "new": None}]),
        (Nesting.MAP, {"k": {"gone": 1}}, {"k": {"kept": None, "new": None}}),
        (Nesting.SET, None, None),
    ],
)
def test_state_of_an_older_schema_takes_the_present_shape(nesting: Nesting, old: Any, new: Any) -> None:
    shape = Object(attributes=(Attribute(name="x", element=INNER, nesting=nesting),))
    assert conform({"x": old, "y": 1}, shape) == {"x": new}


@pytest.mark.parametrize(
    ("form", "spelling", "canonical"),
    [
        (formats.ipv4, "10.1.0.1", "10.1.0.1"),
        (formats.ipv6, "FD00:0:0:0::1", "fd00::1"),
        (formats.ip, "::1", "::1"),
        (formats.ipv4_prefix, "0.0.0.0/0", "0.0.0.0/0"),
        (formats.ipv6_prefix, "FD00:0::/64", "fd00::/64"),
        (formats.prefix, "10.0.0.0/8", "10.0.0.0/8"),
        (formats.mac, "0A:00:00:00:00:FF", "0a:00:00:00:00:ff"),
    ],
)
def test_every_spelling_has_one_canonical_form(form: formats.Format, spelling: str, canonical: str) -> None:
    assert form(spelling) == canonical


@pytest.mark.parametrize(
    ("form", "text", "words"),
    [
        (formats.ipv4, "10.1.0", "not an IPv4 address"),
        (formats.ipv4, "010.1.0.1", "not an IPv4 address"),
        (formats.ipv4, "::1", "is an IPv6 address"),
        (formats.ipv6, "fe80::1%eth0", "zone"),
        (formats.ipv4_prefix, "10.1.0.0", "address/length"),
        (formats.ipv4_prefix, "10.1.0.0/255.255.255.0", "address/length"),
        (formats.ipv4_prefix, "10.1.0.5/24", 'the prefix is "10.1.0.0/24"'),
        (formats.ipv4_prefix, "10.1.0.0/33", "too long"),
        (formats.ipv6_prefix, "10.1.0.0/24", "is an IPv4 address"),
        (formats.mac, "0a-00-00-00-00-01", "not an Ethernet address"),
        (formats.mac, "01:00:5e:00:00:01", "multicast"),
    ],
)
def test_what_is_not_of_the_format_is_refused_in_words(form: formats.Format, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        form(text)


@pytest.mark.parametrize("name", ["a", "a-1", "a" * 63])
def test_good_names_pass(name: str) -> None:
    assert check_id(name) is None


@pytest.mark.parametrize("name", ["", "A", "1a", "a-", "a_b", "a" * 64, "a\n"])
def test_bad_names_are_refused(name: str) -> None:
    assert check_id(name)


def test_a_name_matches_only_its_own_pattern() -> None:
    pattern = NamePattern("projects/{project}/vpcs/{vpc}")
    assert pattern.matches("projects/p/vpcs/v")
    assert not any(map(pattern.matches, ["projects/p/vpcs", "projects/p/subnets/v", "projects/P/vpcs/v", "a/p/vpcs/v"]))


VPC, ROUTE = load_kinds()["headgate_vpc"].shape, load_kinds()["headgate_route"].shape


@pytest.mark.parametrize(
    ("shape", "text", "steps"),
    [
        (VPC, "name", ("name",)),
        (VPC, "external_subnets[internet].subnet", ("external_subnets", Key("internet"), "subnet")),
        (VPC, 'labels["a.b"]', ("labels", Key("a.b"))),
        (VPC, "labels[a.b]", ("labels", Key("a.b"))),
        (ROUTE, "next_hops[0].ip", ("next_hops",)),
        (VPC, "status.conditions", ()),
        (VPC, "", ()),
        (VPC, "]", ()),
    ],
)
def test_a_field_path_of_the_api_becomes_a_path_of_terraform(shape: Object, text: str, steps: tuple[Any, ...]) -> None:
    assert parse_field_path(text, shape).steps == steps


def test_terraform_is_pointed_at_an_attribute_and_one_element_of_it() -> None:
    assert Path(("pools", 0, "end")).visible.steps == ("pools", 0)
    assert Path(("vlan", "id")).visible.steps == ("vlan",)
    assert str(Path(("external_subnets", Key("a"), "subnet"))) == 'external_subnets["a"].subnet'


def test_nothing_is_said_about_values_not_known_yet() -> None:
    unknown = {a.name: UNKNOWN for a in ROUTE.attributes}
    assert list(validate(ROUTE, unknown)) == []
    hops = [{"ip": UNKNOWN, "external_subnet": None}, {"ip": UNKNOWN, "external_subnet": None}]
    assert list(validate(ROUTE, {**unknown, "next_hops": hops})) == []
    assert list(validate(VPC, {**{a.name: UNKNOWN for a in VPC.attributes}, "external_subnets": {"a": UNKNOWN}})) == []


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300), ("1h30m", 5400), ("500ms", 0.5), ("1.5s", 1.5)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_timeout(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5m ", "0s", "-1s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no duration|not a duration|no time"):
        parse_timeout(text)


@pytest.mark.parametrize(
    ("text", "tls", "plaintext"),
    [
        ("localhost:7443", False, True),
        ("127.0.0.1:7443", False, True),
        ("[::1]:7443", False, True),
        ("localhost:7443", True, False),
        ("controller.example:7443", False, False),
        ("unix:/run/api.sock", True, True),
    ],
)
def test_only_this_machine_is_spoken_to_in_plain_text(text: str, tls: bool, plaintext: bool) -> None:
    endpoint = parse_endpoint(text, tls=tls)
    assert endpoint == Endpoint(text if text.startswith("unix:") else f"dns:///{text}", plaintext)


@pytest.mark.parametrize("text", ["", "localhost", "localhost:0", "localhost:65536", "http://a:1", "unix:run", "::1:7"])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        parse_endpoint(text, tls=False)
