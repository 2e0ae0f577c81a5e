"""Plans that tell what an apply would be refused for: the real terraform against a real controller."""

from __future__ import annotations

from pathlib import Path

import pytest
from controller_site import Controller

from api import Api
from terraform import Terraform

PROVIDER = 'provider "headgate" {\n  wait = "none"\n}\n'


@pytest.fixture
def site(
    api: Api, shared_controller: Controller, project: str, tmp_path: Path, installed_provider: dict[str, str]
) -> Terraform:
    """Terraform, with a provider that it starts itself, in a project of its own."""
    directory = tmp_path / "configuration"
    directory.mkdir()
    environment = {"HEADGATE_ENDPOINTS": shared_controller.api, "HEADGATE_PROJECT": project}
    found = Terraform(directory, installed_provider | environment)
    found.write(PROVIDER)
    found.run("init", "-no-color")
    return found


def vpc(label: str, *lines: str, name: str = "") -> str:
    return block("vpc", label, *lines, name=name)


def block(type_: str, label: str, *lines: str, name: str = "") -> str:
    body = "\n  ".join((f'name = "{name or label}"', *lines))
    return f'resource "headgate_{type_}" "{label}" {{\n  {body}\n}}\n'


def subnet(label: str, cidr: str, *lines: str, vpc: str = "shop", name: str = "") -> str:
    return block("subnet", label, f"vpc = headgate_vpc.{vpc}.id", f'cidr = "{cidr}"', *lines, name=name)


def port(label: str, subnet: str, *lines: str) -> str:
    return block("port", label, f"subnet = headgate_subnet.{subnet}.id", *lines)


def fifty(*, mended: bool) -> str:
    """Fifty objects; five of them with a fault, unless it is mended."""
    good = [vpc(f"v{i}") for i in range(5)]
    good += [subnet(f"s{i}x{j}", f"10.{j}.0.0/24", vpc=f"v{i}") for i in range(5) for j in range(4)]
    good += [port(f"p{i}", f"s{i % 5}x{i % 4}", f'ip = "10.{i % 4}.0.{10 + i}"') for i in range(18)]
    hop = "10.3.0.77" if mended else "10.77.0.1"
    faulty = [
        subnet("tight", "10.8.0.0/29", vpc="v1"),
        *(port(f"t{i}", "tight") for i in range(5 if mended else 6)),
        subnet("overlap", "10.9.0.0/24" if mended else "10.8.0.0/28", vpc="v1"),
        port("outside", "s1x1", f'ip = "10.{1 if mended else 2}.0.200"'),
        port("twice", "s0x0", f'ip = "10.0.0.{201 if mended else 10}"'),
        block("route", "astray", f'next_hops = [{{ ip = "{hop}" }}]', "vpc = headgate_vpc.v3.id", OUT),
    ]
    return PROVIDER + "".join(good + faulty)


OUT = 'destination = "172.16.0.0/12"'


FIVE = [
    ("Address in use", 'ip = "10.0.0.10"'),
    ("Cidr overlap", 'cidr = "10.8.0.0/28"'),
    ("Not connected", 'next_hops = [{ ip = "10.77.0.1" }]'),
    ("Outside range", 'ip = "10.2.0.200"'),
    ("Pool exhausted", 'resource "headgate_port" "t5" {'),
]


def test_five_faults_among_fifty_objects_are_five_errors_at_five_attributes(site: Terraform) -> None:
    """C53."""
    site.apply(fifty(mended=True).partition('resource "headgate_subnet" "overlap"')[0])
    site.write(fifty(mended=False))
    for arguments in ((), ("-parallelism=50",), ("-refresh=false",)):
        assert sorted(site.faults("plan", *arguments)) == FIVE
    one_at_a_time = site.faults("plan", "-parallelism=1")
    assert ("Outside range", 'ip = "10.2.0.200"') in one_at_a_time
    # Of two that collide, the one that is planned last.
    assert set(one_at_a_time) <= {*FIVE, ("Cidr overlap", 'cidr = "10.8.0.0/29"')}
    site.apply(fifty(mended=True))
    site.assert_settled()


def test_faults_of_a_configuration_of_which_nothing_exists_yet_are_told(site: Terraform) -> None:
    site.write(fifty(mended=False))
    faults = site.faults("plan")
    assert {reason for reason, _ in faults} >= {"Cidr overlap", "Not connected", "Outside range"}
    assert len(faults) <= len(FIVE)


BASE = PROVIDER + vpc("shop")
PARALLELISM = ("-parallelism=1", "-parallelism=2", "-parallelism=10")


def carry_out(site: Terraform, configuration: str, *arguments: str) -> None:
    """Plan and apply in two commands; whatever the apply does first, no plan of it is refused."""
    site.write(configuration)
    site.run("plan", "-no-color", "-out=saved", *arguments)
    site.run("apply", "-no-color", *arguments, "saved")
    site.assert_settled()


def test_a_subnet_takes_the_place_of_a_removed_one(site: Terraform) -> None:
    site.apply(BASE + subnet("web", "10.1.0.0/24"))
    site.write(BASE + subnet("front", "10.1.0.0/24"))
    for parallelism in PARALLELISM:
        site.run("plan", "-no-color", parallelism)
    carry_out(site, BASE + subnet("front", "10.1.0.0/24"))


def test_twenty_subnets_take_the_places_of_twenty_others(site: Terraform) -> None:
    def twenty(prefix: str) -> str:
        return BASE + "".join(subnet(f"{prefix}{i}", f"10.{i}.0.0/24") for i in range(20))

    site.apply(twenty("a"))
    site.write(twenty("b"))
    for parallelism in PARALLELISM:
        site.run("plan", "-no-color", parallelism)


def test_two_ports_swap_their_addresses_in_a_plan(site: Terraform) -> None:
    web = BASE + subnet("web", "10.1.0.0/24")
    site.apply(web + port("a", "web", 'ip = "10.1.0.10"') + port("b", "web", 'ip = "10.1.0.20"'))
    site.write(web + port("a", "web", 'ip = "10.1.0.20"') + port("b", "web", 'ip = "10.1.0.10"'))
    for parallelism in PARALLELISM:
        site.run("plan", "-no-color", parallelism)


def with_user(used: str) -> str:
    """Return something of another provider that takes two seconds to let go of what it uses."""
    return f"""
resource "terraform_data" "slow" {{
  triggers_replace = {used}
  provisioner "local-exec" {{
    when    = destroy
    command = "sleep 2"
  }}
}}
"""


def test_an_apply_is_not_refused_while_what_it_removes_waits_for_others(site: Terraform) -> None:
    web = BASE + subnet("web", "10.1.0.0/24") + with_user("headgate_subnet.web.id")
    front = BASE + subnet("front", "10.1.0.0/24") + with_user('"nothing"')
    site.apply(web)
    carry_out(site, front)
    site.apply(web)
    site.assert_settled()


def test_what_is_replaced_is_planned_with_all_that_is_in_it(site: Terraform) -> None:
    inside = port("a", "web", 'ip = "10.1.0.10"') + port("b", "web")
    site.apply(BASE + subnet("web", "10.1.0.0/24") + inside)
    carry_out(site, BASE + subnet("web", "10.1.0.0/25") + inside)
    carry_out(site, BASE + subnet("web", "10.1.0.0/25") + inside, "-replace=headgate_vpc.shop")
    site.run("plan", "-no-color", "-target=headgate_port.a", "-refresh=false")
    site.run("plan", "-no-color", "-destroy")
    site.run("destroy", "-no-color", "-auto-approve")


def test_what_others_hold_is_told_at_the_attribute(site: Terraform, api: Api, project: str) -> None:
    site.apply(BASE)
    api.create(f"projects/{project}/vpcs/shop/subnets/foreign", cidr="10.1.0.0/16")
    site.write(BASE + subnet("web", "10.1.0.0/24"))
    assert site.faults("plan") == [("Cidr overlap", 'cidr = "10.1.0.0/24"')]
    assert "/subnets/foreign; choose" in site.run("plan", "-no-color", expect=1)


def test_what_exists_is_told_at_its_name(site: Terraform, api: Api, project: str) -> None:
    api.create(f"projects/{project}/vpcs/shop")
    site.write(BASE)
    assert site.faults("plan") == [("Already exists", 'name = "shop"')]


def test_without_a_controller_a_plan_is_made_with_one_warning(site: Terraform) -> None:
    site.environment["HEADGATE_ENDPOINTS"] = f"unix:{site.directory}/nowhere.sock"
    site.write(BASE + subnet("web", "10.1.0.0/24") + subnet("db", "10.1.0.0/24"))
    output = site.run("plan", "-no-color")
    assert output.count("Planned without the controller") == 1
