"""OVN's central parts die, stall and lose what they held, under traffic: hosts go on, and what changed comes after."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from api import Api, findings
from headgate_lab import Lab
from headgate_lab.expect import reach, seen_as
from headgate_lab.gap import Gap
from headgate_lab.waiting import wait_until
from invariants import our_rows
from shop import Shop, open_shop, plug

SECONDS = 30.0

SHORT_GAP = 2.0
"""Seconds that traffic may pause while what only programs hosts is away."""

STALL_SECONDS = 20.0
"""Longer than a database may be silent before its clients give the connection up (15 s)."""


@contextmanager
def traffic(lab: Lab) -> Iterator[dict[str, Gap]]:
    """Ping between two hosts, on one, and to the outside, while the body runs."""
    with ExitStack() as stack:
        ways = {"web2": "between hosts", "web3": "on one host", "internet": "to the outside"}
        yield {way: stack.enter_context(lab.ping_gap("web1", target)) for target, way in ways.items()}


def told(what: str, gaps: dict[str, Gap]) -> float:
    """Print the gaps of a fault, and return the longest."""
    print(f"\n{what}: " + ", ".join(f"{gap.seconds:.2f} s {way}" for way, gap in gaps.items()))
    return max(gap.seconds for gap in gaps.values())


def assert_changes_arrive(api: Api, lab: Lab, shop: Shop, workload: str) -> None:
    """See that what is made now works, and that what was there does."""
    plug(api, lab, f"{shop.web}/ports/{workload}", "h2", workload)
    assert api.realised(f"{shop.web}/ports/{workload}", int(SECONDS)).realised
    wanted = (reach(workload, "web1"), reach("web1", "db1"), seen_as("db1", "internet", shop.router_ip))
    lab.expect(*wanted).within(seconds=SECONDS)


def test_databases_and_northd_that_are_killed_and_started_again_interrupt_nothing(
    lab: Lab, api: Api, project: str
) -> None:
    shop = open_shop(api, lab, project)
    before = lab.nb_rows()
    for name in ("nb", "sb", "ovn-northd"):
        with traffic(lab) as gaps:
            lab.daemons[f"central/{name}"].kill()
            lab.daemons[f"central/{name}"].start()
            api.update(shop.web, description=f"while {name} came back")
            assert api.realised(shop.web, int(SECONDS)).realised
            lab.await_hosts()
        assert told(f"{name} killed and started", gaps) < SHORT_GAP
    assert lab.nb_rows() == before
    assert_changes_arrive(api, lab, shop, "late")


def test_an_emptied_database_is_filled_again_and_traffic_comes_back(lab: Lab, api: Api, project: str) -> None:
    shop = open_shop(api, lab, project)
    before = our_rows(lab)
    with traffic(lab) as gaps:
        lab.central.empty_northbound()
        api.update(shop.web, description="after Northbound was emptied")
        assert api.realised(shop.web, int(SECONDS)).realised
        lab.expect(reach("web1", "web2"), seen_as("db1", "internet", shop.router_ip)).within(seconds=SECONDS)
    told("Northbound emptied", gaps)
    assert our_rows(lab) == before
    with traffic(lab) as gaps:
        lab.central.empty_southbound()
        wait_until(lambda: _closed(api), seconds=SECONDS, what="the doctor to say that no host gets in", every=0.2)
        lab.central.let_hosts_in()
        lab.await_hosts()
        api.update(shop.web, description="after Southbound was emptied")
        assert api.realised(shop.web, int(SECONDS)).realised
        lab.expect(reach("web1", "web2"), seen_as("db1", "internet", shop.router_ip)).within(seconds=SECONDS)
    told("Southbound emptied", gaps)
    assert_changes_arrive(api, lab, shop, "late")


def _closed(api: Api) -> bool:
    return "headgate pki central" in str(findings(api, "southbound"))


def test_databases_that_stall_for_long_hold_up_changes_only_and_say_so(lab: Lab, api: Api, project: str) -> None:
    shop = open_shop(api, lab, project)
    stalled = [lab.daemons["central/nb"], lab.daemons["central/sb"]]
    with traffic(lab) as gaps:
        until = time.monotonic() + STALL_SECONDS
        for daemon in stalled:
            daemon.pause()
        port = api.create(f"{shop.web}/ports/late")
        reasons = set()

        def waited() -> bool:
            reasons.update(lag.reason.partition(":")[0] for lag in api.get(port.name).status.waiting_for)
            return time.monotonic() > until

        wait_until(waited, seconds=STALL_SECONDS + 5, what="the end of the stall", every=0.5)
        for daemon in stalled:
            daemon.resume()
        began = time.monotonic()
        assert api.realised(port.name, int(SECONDS)).realised
        caught_up = time.monotonic() - began
    assert told(f"both databases stalled for {STALL_SECONDS:g} s, {caught_up:.1f} s to catch up", gaps) < SHORT_GAP
    assert reasons == {"the change is not written to OVN Northbound yet"}
    assert_changes_arrive(api, lab, shop, "later")
