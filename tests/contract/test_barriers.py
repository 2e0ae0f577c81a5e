"""Barriers: raises of nb_cfg, by which hosts tell how far they are."""

from __future__ import annotations

from controller_site import Central

from api import Api
from headgate_lab.waiting import wait_until

SECONDS = 10.0


def nb_cfg(ovn: Central) -> int:
    return int(ovn.nbctl("--bare", "--columns=nb_cfg", "list", "NB_Global"))


def test_a_change_takes_a_barrier_along_if_somebody_has_waited_lately(api: Api, ovn: Central, project: str) -> None:
    vpc = f"projects/{project}/vpcs/shop"
    api.create(vpc)
    assert api.realised(vpc).realised
    before = nb_cfg(ovn)
    api.create(f"{vpc}/subnets/web", cidr="10.1.0.0/24")
    wait_until(lambda: nb_cfg(ovn) == before + 1, seconds=SECONDS, what="a barrier that nobody has asked for yet")
    assert api.realised(f"{vpc}/subnets/web").realised
    assert nb_cfg(ovn) == before + 1, "whoever asks then is answered by the same"
