"""The test bed: hosts as network namespaces with real OVS, OVN and host agents.

`Lab.boot(SITE)` builds a site in seconds; `lab.expect(reach("a1", "b1")).within(seconds=30)` judges it by packets.
"""

from headgate_lab.errors import CommandError, DeadlineError, LabError
from headgate_lab.expect import no_reach, reach, seen_as
from headgate_lab.lab import ByHand, Lab
from headgate_lab.topology import SITE, Endpoint, Host, Link, Site, Wire, Workload, site_of, three_hosts

__all__ = [
    "SITE",
    "ByHand",
    "CommandError",
    "DeadlineError",
    "Endpoint",
    "Host",
    "Lab",
    "LabError",
    "Link",
    "Site",
    "Wire",
    "Workload",
    "no_reach",
    "reach",
    "seen_as",
    "site_of",
    "three_hosts",
]
