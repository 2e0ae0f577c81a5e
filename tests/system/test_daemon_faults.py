"""The daemons of hosts die, hang and start in any order: traffic comes back, no row is written, people are told."""

import itertools
import time

from api import Api
from headgate_lab import Lab
from headgate_lab.expect import reach
from headgate_lab.waiting import wait_until
from invariants import await_quiet, ovs_rows
from shop import open_shop

SECONDS = 30.0

DAEMONS = ("ovsdb-server", "ovs-vswitchd", "ovn-controller", "agent")

ORDERS = "012301203120132010231021302103210"
"""The shortest walk that goes through the four daemons in each of their 24 orders, one after the other."""

SHORT_GAP = 2.0


def test_daemons_of_a_host_that_die_or_restart_in_every_order_leave_it_as_it_was(
    lab: Lab, api: Api, project: str
) -> None:
    walked = {ORDERS[start : start + 4] for start in range(len(ORDERS) - 3)}
    assert {"".join(order) for order in itertools.permutations("0123")} <= walked
    open_shop(api, lab, project)
    await_quiet(lab)
    rows, switch = lab.nb_rows(), ovs_rows(lab.hosts["h2"])
    slowest, began = dict.fromkeys(DAEMONS, 0.0), time.monotonic()
    with lab.ping_gap("web1", "db1") as others:
        for step, number in enumerate(ORDERS):
            name = DAEMONS[int(number)]
            daemon, since = lab.daemons[f"h2/{name}"], time.monotonic()
            daemon.kill() if step % 2 else daemon.stop()
            daemon.start()
            lab.expect(reach("web1", "web2")).within(seconds=SECONDS)
            slowest[name] = max(slowest[name], time.monotonic() - since)
        lab.await_hosts()
        await_quiet(lab)
    back = ", ".join(f"{seconds:.1f} s after {name}" for name, seconds in slowest.items())
    print(
        f"\n{len(ORDERS)} restarts in {time.monotonic() - began:.0f} s; traffic of the host back at most {back}; ",
        end="",
    )
    print(f"longest gap elsewhere {others.seconds:.2f} s")
    assert others.seconds < SHORT_GAP
    assert lab.nb_rows() == rows
    now = ovs_rows(lab.hosts["h2"])
    changed = {table: sorted(set(now[table]) ^ set(switch[table])) for table in now if now[table] != switch[table]}
    assert not changed, f"changed: {changed}"


HANGS = {"h1/ovn-controller": "OVN_AWAY", "h2/ovs-vswitchd": "NOT_AS_DESIRED", "h3/agent": "NOT_CONNECTED"}
"""Daemons that hang, one on each host, and the condition that says so."""


def test_daemons_that_hang_are_told_of_and_traffic_is_lost_only_where_packets_are_carried(
    lab: Lab, api: Api, project: str
) -> None:
    shop = open_shop(api, lab, project)
    began = time.monotonic()
    with lab.ping_gap("web1", "db1") as others, lab.ping_gap("web1", "web2") as carried:
        for name in HANGS:
            lab.daemons[name].pause()
        try:
            changed = api.update(shop.ports["web3"].name, mac="0a:00:00:00:00:77")
            told = {name: _told(api, name, began) for name in HANGS}
            late = {lag.host: lag.reason for lag in api.get(changed.name).status.waiting_for}
            assert late["hosts/h1"] == "it has not confirmed the change yet"
        finally:
            for name in HANGS:
                lab.daemons[name].resume()
        wait_until(lambda: not any(_conditions(api, name) for name in HANGS), seconds=SECONDS, what="all to be well")
        api.update(changed.name, mac=shop.ports["web3"].mac)
        assert api.realised(changed.name, int(SECONDS)).realised
        lab.expect(reach("web1", "web2"), reach("web3", "db1")).within(seconds=SECONDS)
    words = ", ".join(f"{name} after {seconds:.1f} s" for name, seconds in told.items())
    print(f"\ntold of {words}; longest gap {others.seconds:.2f} s, through the hung vswitchd {carried.seconds:.2f} s")
    assert others.seconds < SHORT_GAP


def _conditions(api: Api, daemon: str) -> list[str]:
    host = api.get(f"hosts/{daemon.partition('/')[0]}")
    return [found.reason for found in host.status.conditions if found.reason in HANGS.values()]


def _told(api: Api, daemon: str, began: float) -> float:
    """Return how long after `began` a host's conditions tell that a daemon hangs."""
    wait_until(lambda: HANGS[daemon] in _conditions(api, daemon), seconds=SECONDS, what=f"{daemon} to be missed")
    return time.monotonic() - began
