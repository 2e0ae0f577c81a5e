"""Configurations of any kind, drawn from its attribute tree and annotations, in many spellings."""

from base64 import b64encode
from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

from headgate.v1 import annotations_pb2
from headgate_terraform.attributes import Attribute, Choice, Nesting, Object, canonical_element
from headgate_terraform.compiler import rules_of
from headgate_terraform.kinds import Kind
from headgate_terraform.scalars import INTEGERS
from headgate_terraform.values import UNKNOWN

IDS = st.sampled_from(["a", "b2", "web-1"])


def _spelled_ipv6(address: IPv6Address, style: int) -> str:
    return [str(address), address.exploded, str(address).upper()][style]


IPV4 = st.integers(0x0A000001, 0x0A00FFFE).map(lambda n: str(IPv4Address(n)))
IPV6 = st.builds(_spelled_ipv6, st.integers(0xFD << 120, (0xFD << 120) + 99).map(IPv6Address), st.integers(0, 2))
IPV4_PREFIX = st.integers(0, 255).map(lambda n: str(IPv4Network(f"10.{n}.0.0/16")))
IPV6_PREFIX = st.builds(
    lambda n, style: f"{_spelled_ipv6(IPv6Network((n << 64, 64)).network_address, style)}/64",
    st.integers(0xFD << 56, (0xFD << 56) + 99),
    st.integers(0, 2),
)
MAC = st.builds(
    lambda n, upper: (text.upper() if upper else text) if (text := f"0a:00:00:00:00:{n:02x}") else text,
    st.integers(0, 255),
    st.booleans(),
)
FORMATS = {
    annotations_pb2.FORMAT_IPV4: IPV4,
    annotations_pb2.FORMAT_IPV6: IPV6,
    annotations_pb2.FORMAT_IP: IPV4 | IPV6,
    annotations_pb2.FORMAT_IPV4_PREFIX: IPV4_PREFIX,
    annotations_pb2.FORMAT_IPV6_PREFIX: IPV6_PREFIX,
    annotations_pb2.FORMAT_PREFIX: IPV4_PREFIX | IPV6_PREFIX,
    annotations_pb2.FORMAT_MAC: MAC,
}


def _value_field(field: FieldDescriptor) -> FieldDescriptor:
    """Return what describes one value of a field: of a map that of its entries."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value: FieldDescriptor = field.message_type.fields_by_name["value"]
        return value
    return field


DURATIONS = st.sampled_from(["0s", "90s", "1m30s", "1.5m", "1h", "60m", "3600s", "0.25s", "250ms", "1us", "1ns", "24h"])
TIMES = st.builds(
    lambda moment, offset, digits: (
        moment.replace(tzinfo=timezone(timedelta(minutes=offset))).isoformat(timespec=digits).replace("+00:00", "Z")
    ),
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from([0, 60, -330]),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
# As Terraform sends them: whole numbers as such, halves as floats, everything else as text.
REALS = st.integers(-(2**53), 2**53) | st.integers(-99, 99).map(lambda n: n + 0.5) | st.sampled_from(["0.1", "1.30"])
BASE64 = st.binary(max_size=8).map(lambda raw: b64encode(raw).decode())
TYPED: dict[int, st.SearchStrategy[Any]] = {FieldDescriptor.TYPE_DOUBLE: REALS, FieldDescriptor.TYPE_BYTES: BASE64}
MESSAGES = {"google.protobuf.Duration": DURATIONS, "google.protobuf.Timestamp": TIMES}
PATTERNED = {"[a-z]+-[0-9]+": st.sampled_from(["a-1", "bc-22"])}


def configurations(kind: Kind, names: dict[str, list[str]], parents: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw valid configurations; `names` are the resources there are of each type, `parents` those of the kind."""
    own: dict[str, st.SearchStrategy[Any]] = {"name": IDS, "id": st.none()}
    if kind.parent:
        required = kind.shape.get(kind.parent).required  # type: ignore[union-attr]
        own[kind.parent] = st.sampled_from(parents) | (st.nothing() if required else st.none())
    rest = tuple(a for a in kind.shape.attributes if a.name not in own)
    fields = Object(attributes=rest, choices=kind.shape.choices)
    return st.builds(lambda rest, top: {**rest, **top}, _objects(fields, names), st.fixed_dictionaries(own))


def _objects(shape: Object, names: dict[str, list[str]]) -> st.SearchStrategy[dict[str, Any]]:
    whole = st.fixed_dictionaries({a.name: _values(a, names) for a in shape.attributes})
    chosen = (_one_of(choice, shape, names) for choice in shape.choices)
    return st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, whole, *chosen)


def _one_of(choice: Choice, shape: Object, names: dict[str, list[str]]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a value for one member of a oneof, or for none if that is allowed; the others are null."""
    members = [a for a in shape.attributes if a.name in choice.names]
    nothing = dict.fromkeys(choice.names)
    each = [_some(a, names).map(lambda value, name=a.name: nothing | {name: value}) for a in members]
    return st.one_of(each if choice.required else [st.just(nothing), *each])


def _values(a: Attribute, names: dict[str, list[str]]) -> st.SearchStrategy[Any]:
    if not a.configurable:
        return st.none()
    return _some(a, names) if a.required else _some(a, names) | st.none()


def _some(a: Attribute, names: dict[str, list[str]]) -> st.SearchStrategy[Any]:
    element = _objects(a.element, names) if isinstance(a.element, Object) else _scalars(a, names)
    low, high = a.size[0], min(3, a.size[1] or 3)
    if a.nesting is Nesting.LIST:
        values: st.SearchStrategy[Any] = st.lists(element, min_size=low, max_size=high)
    elif a.nesting is Nesting.SET:
        values = st.lists(
            element, min_size=low, max_size=high, unique_by=lambda v: repr(canonical_element(a.element, v))
        )
    elif a.nesting is Nesting.MAP:
        values = st.dictionaries(IDS, element, min_size=low, max_size=high)
    else:
        values = element
    return values


def _scalars(a: Attribute, names: dict[str, list[str]]) -> st.SearchStrategy[Any]:
    field = a.field
    if field is None:
        return st.integers(0, 3) if a.version_of else st.sampled_from(["5m", "90s", "1h30m"])
    rules = rules_of(field)
    if rules.references:
        return st.sampled_from(names[rules.references])
    if rules.format in FORMATS:
        return FORMATS[rules.format]
    field = _value_field(field)
    if field.message_type is not None:
        return MESSAGES[field.message_type.full_name]
    if field.enum_type is not None:
        prefix = f"{field.enum_type.name.upper()}_"
        return st.sampled_from([v.name.removeprefix(prefix).lower() for v in field.enum_type.values if v.number])
    if field.type in INTEGERS:
        low, high = INTEGERS[field.type]
        return st.integers(
            rules.minimum if rules.HasField("minimum") else low, rules.maximum if rules.HasField("maximum") else high
        )
    if isinstance(a.element, Object) or a.element.type == "bool":
        return st.booleans()
    return PATTERNED.get(rules.pattern, TYPED.get(field.type, IDS))


def with_unknowns(value: Any, draw: st.DrawFn, *, top: bool = True) -> Any:
    """Replace some configured parts by unknown, as references to resources not created yet would."""
    if isinstance(value, dict):
        return {k: with_unknowns(v, draw, top=False) for k, v in value.items()}
    if isinstance(value, list):
        return UNKNOWN if draw(st.integers(0, 9)) == 0 else [with_unknowns(v, draw, top=False) for v in value]
    return UNKNOWN if value is not None and draw(st.integers(0, 3)) == 0 else value
