"""Certificates of hosts, controller and OVN, replaced under a running network."""

from api import Api
from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.identity import IdentityFiles
from headgate_lab import Lab, reach
from headgate_lab.pki import certify_central
from headgate_lab.waiting import wait_until
from shop import open_shop, plug

SHORT_GAP = 2.0
"""Seconds that traffic may pause while programs that carry none of it restart."""


def test_another_ca_takes_over_for_hosts_and_ovn_while_traffic_flows(lab: Lab, api: Api, project: str) -> None:
    assert lab.controller is not None
    shop = open_shop(api, lab, project)
    lab.expect(reach("web1", "web2")).within(seconds=20)
    authority = Authority(lab.controller.ca_dir)
    identities = {name: IdentityFiles(host.pki_dir) for name, host in lab.hosts.items()}
    with lab.ping_gap("web1", "web2") as gap:
        newest = authority.rotate(pki.utc_now())
        wait_until(
            lambda: all(pki.issuer_among(files.load().certificate, [newest]) for files in identities.values()),
            seconds=30,
            what="every agent to renew its certificate by itself",
        )
        certify_central(lab.controller.ca_dir, lab.central.pki_dir)
        authority.retire(pki.utc_now())
        wait_until(
            lambda: all(files.load().authorities == (newest,) for files in identities.values()),
            seconds=30,
            what="every agent to trust the new CA alone",
        )
        lab.daemons["h1/ovn-controller"].restart()  # it meets a Southbound that must have read its new files
        wait_until(lambda: connected(lab, "h1"), seconds=20, what="the ovn-controller of h1 to connect anew")
        lab.central.sb.restart()  # it meets ovn-controllers that must have read theirs
        wait_until(lambda: all(connected(lab, name) for name in lab.hosts), seconds=30, what="all to connect anew")
    print(f"\nanother CA took over: longest gap {gap.seconds:.2f} s")
    assert gap.seconds < SHORT_GAP, gap
    plug(api, lab, f"{shop.web}/ports/late", "h3")
    lab.expect(reach("late", "web1")).within(seconds=20)


def connected(lab: Lab, host: str) -> bool:
    """Return whether the ovn-controller of a host is connected to Southbound, as it says itself."""
    daemon = lab.daemons[f"{host}/ovn-controller"]
    socket = lab.hosts[host].run_dir / f"ovn-controller.{daemon.pid}.ctl"
    return lab.hosts[host].switch.appctl(str(socket), "connection-status").strip() == "connected"
