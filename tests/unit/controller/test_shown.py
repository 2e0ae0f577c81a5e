"""What clients are shown of resources: bytes in a row, which must read as the one message that they stand for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_site import INTERNET, PROVIDER, SUBNET, VPC, Site, connected, schema

from data_plane import Display
from headgate.v1 import port_pb2, types_pb2
from headgate_controller.api.callers import caller
from headgate_controller.api.filters import parse_filter
from headgate_controller.api.resources import AT_A_TIME, Resources
from headgate_controller.codec import KindCodec
from headgate_controller.kinds import registry
from headgate_controller.mutations import Delete
from headgate_controller.observed import HostReport
from headgate_controller.principal import ADMINISTRATOR
from headgate_controller.realisation import Realisation
from headgate_controller.schema import Schema
from headgate_controller.status import lags
from headgate_controller.store.writer import Writer
from headgate_controller.world import World

FOLDER = Path(__file__).parents[2] / "new_kind"
PORTS = [f"{SUBNET}/ports/{name}" for name in ("a", "b", "c")]


def told(display: Display, noun: Any, known: Schema) -> Message:
    """Return the message of a resource put together field by field."""
    codec, realisation, plane = known.by_noun[type(noun)], display.realisation, display.plane
    world = display.committed.world
    message: Any = codec.to_message(noun)
    facts = realisation._known()
    missing = list(lags(noun, world, realisation._spans, facts))
    message.status.realised_generation = max(0, noun.meta.generation - 1) if missing else noun.meta.generation
    message.reconciling = bool(missing)
    for host, reason in missing:
        away = "" if not host or plane.heard(host).connected else ", and its agent is not connected"
        message.status.waiting_for.add(host=f"hosts/{host}" if host else "", reason=reason + away)
    codec.live.write(message, codec.kind.observe(noun, world, realisation))
    for found in (*codec.kind.conditions(noun, world), *codec.kind.remarks(noun, world, realisation)):
        severity = types_pb2.Severity.Value(f"SEVERITY_{found.severity.upper()}")
        message.status.conditions.add(reason=found.reason, message=found.message, severity=severity)
    return cast(Message, message)


def assert_shown_as_told(display: Display, known: Schema) -> None:
    """See that each resource, by itself and in a list, reads as the message that it stands for."""
    nouns: list[Any] = list(display.committed.world.resources.values())
    for noun, element in zip(nouns, display.shown.elements(nouns), strict=True):
        codec, expected = known.by_noun[type(noun)], told(display, noun, known)
        assert codec.message.FromString(display.shown.message(noun)) == expected
        # The field of an element is skipped as one that nobody knows; an empty message has the number 1 for a name.
        size = len(display.shown.message(noun))
        assert codec.message.FromString(element[-size:]) == expected
        packed = codec.message()
        assert display.shown.packed(noun).Unpack(packed)
        assert packed == expected


def a_site() -> Site:
    site = connected()
    site.create("projects/p/vms/m")
    for name, host in zip(PORTS, ("", "hosts/h1", "hosts/h2"), strict=True):
        site.create(name, vm="projects/p/vms/m", **({"host": host} if host else {}))
    site.create("projects/p/floatingIps/f", external_subnet=INTERNET, port=PORTS[0])
    site.create(f"{VPC}/routes/r", destination="0.0.0.0/0", next_hops=[{"ip": "10.1.0.99"}])
    return site


A_SITE = a_site()
chassis, ports = st.sampled_from(["h1", "h2"]), st.sampled_from(PORTS)
events = st.one_of(
    st.tuples(st.just("bind"), ports, st.none() | chassis),
    st.tuples(st.just("confirm"), chassis, st.integers(0, 9)),
    st.tuples(st.just("written"), st.sampled_from([0, 1, 20]), st.booleans()),
    st.tuples(st.just("connect"), chassis, st.booleans()),
    st.tuples(st.just("unsee"), st.none(), st.booleans()),
    st.tuples(st.just("report"), chassis, st.integers(0, 3)),
    st.tuples(st.just("refuse"), ports, st.booleans()),
    st.tuples(st.just("change"), ports, st.text("xyz", max_size=2)),
    st.tuples(st.just("remove"), ports, st.none()),
    st.tuples(st.just("networks"), chassis, st.sampled_from([(), (PROVIDER,)])),
    st.tuples(st.just("look"), st.none(), st.none()),
)


def happen(display: Display, site: Site, event: tuple[str, Any, Any]) -> None:
    """Have one thing happen, told to the controller as it would be."""
    what, subject, value = event
    match what:
        case "confirm":
            display.confirm(subject, value)
        case "written":
            display.write(subject, raised=value)
        case "connect":
            display.plane.hosts[subject] = replace(display.plane.heard(subject), connected=value)
            display.realisation.hosts_changed()
        case "unsee":
            display.unsee("it is away" if value else "")
        case "report":  # nobody is told of what a host reports
            before = display.plane.heard(subject)
            display.plane.hosts[subject] = replace(before, report=HostReport(failures={"bridge": "x" * value}))
        case "refuse":
            display.reasons.update({subject: "OVN refuses it"}) if value else display.reasons.pop(subject, None)
        case "networks":
            site.touched.clear()
            site.register(subject, *value)
            display.committed.publish(site.world, frozenset(site.touched))
        case _ if subject in site.world.resources:
            happen_to_port(display, site, event)


def happen_to_port(display: Display, site: Site, event: tuple[str, Any, Any]) -> None:
    what, subject, value = event
    match what:
        case "bind":
            display.bind(site.get(subject).iface_id, value)
        case "change":
            commit(display, site, site.change(subject, description=value))
        case "remove" if not site.world.group("referrers", subject):
            commit(display, site, Delete(subject))


def commit(display: Display, site: Site, mutation: Any) -> None:
    site.submit(mutation)
    display.committed.publish(site.world, frozenset({mutation.name}))


@settings(max_examples=60, deadline=None)
@given(st.lists(events, max_size=15))
def test_whatever_happens_the_bytes_shown_read_as_the_message_they_stand_for(history: list[Any]) -> None:
    site = Site(A_SITE.world)
    display = Display(site.schema, site.world)
    for event in history:
        happen(display, site, event)
        assert_shown_as_told(display, site.schema)


def test_what_is_write_only_is_in_no_bytes_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    site = Site(known=Schema(registry.load(["headgate_test.kitchen_sink"])))
    name = "projects/p/kitchenSinks/s"
    site.create(name, title="sink", wall={}, password="hush-1", taps=[{"name": "hot", "secret": "hush-2"}])
    display = Display(site.schema, site.world)
    assert_shown_as_told(display, site.schema)
    assert b"hush" not in display.shown.message(site.get(name))


# --- what a list costs ------------------------------------------------------------------------------------------------

MANY = 1_000


class Counted:
    """How often functions of Headgate's were called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.calls: dict[str, int] = {}

    def count(self, owner: type, name: str) -> None:
        real = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] = self.calls.get(name, 0) + 1
            return real(*args, **kwargs)

        self._patch.setattr(owner, name, counted)

    def during(self, call: Any) -> tuple[Any, dict[str, int]]:
        self.calls.clear()
        answer = asyncio.run(call)
        return answer, dict(self.calls)


@pytest.fixture(scope="module")
def many() -> World:
    site = Site()
    site.create(VPC)
    site.create(SUBNET, cidr="10.0.0.0/16")
    site.submit(*(site.creation(f"{SUBNET}/ports/p{number}", labels={"n": str(number)}) for number in range(MANY)))
    return site.world


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted(monkeypatch)
    found.count(Realisation, "look")
    found.count(KindCodec, "to_message")
    return found


def listing(display: Display, **fields: Any) -> Any:
    caller.set(ADMINISTRATOR)
    kind = schema().by_type["port"]
    served = Resources(schema(), kind, display.committed, cast(Writer, None), display.shown)
    return served.list(port_pb2.ListPortsRequest(parent=SUBNET, **fields), None)


def test_a_page_costs_what_it_holds_and_not_what_there_is(many: World, counted: Counted) -> None:
    display = Display(schema(), many)
    looked_up: list[str] = []

    class Spied:
        def __getitem__(self, name: str) -> Any:
            looked_up.append(name)
            return many.resources[name]

        def get(self, name: str) -> Any:
            return many.resources.get(name)

    object.__setattr__(display.committed, "world", replace(many, resources=cast(Any, Spied())))
    answer, calls = counted.during(listing(display, page_size=10))
    page = port_pb2.ListPortsResponse.FromString(answer)
    assert ([port.name for port in page.ports], calls["look"]) == (sorted(looked_up)[:10], 10)
    assert len(looked_up) <= AT_A_TIME
    looked_up.clear()
    answer, _ = counted.during(listing(display, page_size=10, page_token=page.next_page_token))
    assert looked_up[0] > page.ports[-1].name
    assert len(looked_up) <= AT_A_TIME


def test_a_list_that_nothing_has_changed_since_puts_nothing_together_anew(many: World, counted: Counted) -> None:
    display = Display(schema(), many)
    display.write(many.revision)
    first, calls = counted.during(listing(display))
    assert calls == {"look": MANY, "to_message": MANY}
    assert counted.during(listing(display)) == (first, {})
    display.bind("some-port", "h1")
    assert counted.during(listing(display)) == (first, {"look": MANY})


def test_a_list_after_a_change_puts_together_anew_what_changed_and_nothing_else(many: World, counted: Counted) -> None:
    site, name = Site(many), f"{SUBNET}/ports/p7"
    display = Display(schema(), many)
    display.write(many.revision)
    counted.during(listing(display))
    site.update(name, vm="vm-1")
    display.committed.publish(site.world, frozenset({name}))
    display.write(1)
    answer, calls = counted.during(listing(display))
    assert [p.name for p in port_pb2.ListPortsResponse.FromString(answer).ports if p.vm == "vm-1"] == [name]
    assert calls == {"look": 1, "to_message": 1}


def test_a_change_in_the_midst_of_a_list_is_in_the_next(many: World) -> None:
    site, name = Site(many), max(many.resources)
    display = Display(schema(), many)
    display.write(many.revision)

    async def lists() -> list[bytes]:
        under_way = asyncio.create_task(listing(display))
        await asyncio.sleep(0)
        site.update(name, vm="vm-1")
        display.committed.publish(site.world, frozenset({name}))
        return [await under_way, await listing(display)]

    shown = (port_pb2.ListPortsResponse.FromString(answer) for answer in asyncio.run(lists()))
    assert [page.ports[-1].vm for page in shown] == ["", "vm-1"]


def test_a_filter_makes_no_message_of_what_it_passes_over(many: World, counted: Counted) -> None:
    display = Display(schema(), many)
    name = f"{SUBNET}/ports/p7"
    address = cast(Any, many.resources[name]).ip
    for text in (
        f'name = "{name}"',
        'labels.n = "7"',
        f'ip = "10.0.{address >> 8 & 255}.{address & 255}" AND state = STATE_ACTIVE',
    ):
        answer, calls = counted.during(listing(display, filter=text))
        assert [port.name for port in port_pb2.ListPortsResponse.FromString(answer).ports] == [name]
        assert calls.get("to_message", 0) <= 1


def test_a_filter_compares_what_the_message_would_say() -> None:
    site = a_site()
    for noun in site.world.resources.values():
        codec = site.schema.by_noun[type(noun)]
        for field in codec.descriptor.fields:
            try:
                parse_filter(codec, f'{field.name} = "x"')
            except Exception:
                continue
            assert codec.value(noun, field.name) == getattr(codec.to_message(noun), field.name), field.name


def test_what_is_gone_is_not_kept(many: World) -> None:
    site, name = Site(many), f"{SUBNET}/ports/p7"
    display = Display(schema(), many)
    asyncio.run(listing(display))
    assert name in display.serialized._kept
    site.delete(name)
    display.committed.publish(site.world, frozenset({name}))
    assert name not in display.serialized._kept


# --- names in order ---------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=4), max_size=6))
def test_names_are_in_order_whatever_came_and_went_and_a_list_once_given_stays(steps: list[list[str]]) -> None:
    site = Site()
    display = Display(site.schema, site.world)
    given_out: list[tuple[Any, list[str]]] = []
    kind = site.schema.by_type["vpc"].kind.noun
    for step in steps:
        for name in (f"projects/p/vpcs/{id_}" for id_ in step):
            if name in site.world.resources:
                site.delete(name)
            else:
                site.create(name)
        display.committed.publish(site.world, frozenset(f"projects/p/vpcs/{id_}" for id_ in step))
        if len(step) % 2:
            names = display.committed.names(kind)
            assert list(names) == sorted(site.world.resources)
            given_out.append((names, list(names)))
    assert all(list(names) == then for names, then in given_out)


def test_a_host_that_comes_to_hold_a_part_is_waited_for_by_what_was_realised() -> None:
    display = Display(A_SITE.schema, A_SITE.world)
    here, there = (cast(Any, A_SITE.world.resources[name]) for name in PORTS[:2])
    display.write(A_SITE.world.revision, raised=True)
    display.bind(here.iface_id, "h1")
    display.confirm("h1", 1)
    kind = A_SITE.schema.by_noun[type(here)]
    assert not kind.message.FromString(display.shown.message(here)).reconciling  # type: ignore[attr-defined]
    display.bind(there.iface_id, "h2")
    assert kind.message.FromString(display.shown.message(here)).reconciling  # type: ignore[attr-defined]
    display.confirm("h2", 1)
    assert not kind.message.FromString(display.shown.message(here)).reconciling  # type: ignore[attr-defined]
