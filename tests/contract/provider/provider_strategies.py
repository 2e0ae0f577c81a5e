"""Configurations of any kind, drawn from its attribute tree and annotations, in many spellings."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from hypothesis import strategies as st

from headgate.v1 import annotations_pb2
from headgate_terraform.attributes import Attribute, Nesting, Object, canonical_element
from headgate_terraform.compiler import INTEGERS, rules_of
from headgate_terraform.kinds import Kind
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


def configurations(kind: Kind, names: dict[str, list[str]], parents: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw valid configurations; `names` are the resources there are of each type, `parents` those of the kind."""
    own: dict[str, st.SearchStrategy[Any]] = {"name": IDS, "id": st.none()}
    if kind.parent:
        required = kind.shape.get(kind.parent).required  # type: ignore[union-attr]
        own[kind.parent] = st.sampled_from(parents) | (st.nothing() if required else st.none())
    fields = Object(attributes=tuple(a for a in kind.shape.attributes if a.field), choices=kind.shape.choices)
    return st.builds(lambda rest, top: {**rest, **top}, _objects(fields, names), st.fixed_dictionaries(own))


def _objects(shape: Object, names: dict[str, list[str]]) -> st.SearchStrategy[dict[str, Any]]:
    whole = st.fixed_dictionaries({a.name: _values(a, names) for a in shape.attributes})
    return whole if not shape.choices else st.builds(_chosen, st.just(shape), whole, st.integers(0, 9))


def _chosen(shape: Object, value: dict[str, Any], pick: int) -> dict[str, Any]:
    """Keep one member of each oneof."""
    for choice in shape.choices:
        given_names = [n for n in choice.names if value[n] is not None]
        if not given_names:
            # Only members drawn as null: any address will do.
            value = value | {choice.names[-1]: "10.9.9.9"}
            continue
        kept = given_names[pick % len(given_names)]
        value = value | {n: None for n in choice.names if n != kept}
    return value


def _values(a: Attribute, names: dict[str, list[str]]) -> st.SearchStrategy[Any]:
    if not a.configurable:
        return st.none()
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
    return values if a.required else values | st.none()


def _scalars(a: Attribute, names: dict[str, list[str]]) -> st.SearchStrategy[Any]:
    field = a.field
    assert field is not None
    rules = rules_of(field)
    if rules.references:
        return st.sampled_from(names[rules.references])
    if rules.format in FORMATS:
        return FORMATS[rules.format]
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
    return IDS


def with_unknowns(value: Any, draw: st.DrawFn, *, top: bool = True) -> Any:
    """Replace some configured parts by unknown, as references to resources not created yet would."""
    if isinstance(value, dict):
        return {k: with_unknowns(v, draw, top=False) for k, v in value.items()}
    if isinstance(value, list):
        return UNKNOWN if draw(st.integers(0, 9)) == 0 else [with_unknowns(v, draw, top=False) for v in value]
    return UNKNOWN if value is not None and draw(st.integers(0, 3)) == 0 else value
