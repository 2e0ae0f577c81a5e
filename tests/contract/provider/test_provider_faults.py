"""Faults under the real terraform: each at its attribute, in words, all at once."""

import pytest
from grpc import StatusCode
from provider_backend import Backend, Refused

from terraform import Terraform


def resource(type_: str, *lines: str, name: str = "x") -> str:
    """Return a resource block with a name and these lines."""
    body = "\n  ".join((f'name = "{name}"', *lines))
    return f'resource "headgate_{type_}" "{name}" {{\n  {body}\n}}\n'


HOPS = ('vpc = "projects/p/vpcs/v"', 'destination = "::/0"')
BOTH = 'next_hops = [{ ip = "fd00::1", external_subnet = "projects/p/subnets/i" }]'
TWICE = 'next_hops = [{ ip = "fd00::1" }, { ip = "FD00::1" }]'

OFFLINE = [
    (resource("vpc", name="Bad_Name"), "Invalid name", 'name = "Bad_Name"'),
    (resource("vpc", "labels = { a = null }"), "Null value", "labels = { a = null }"),
    (resource("vpc", 'labels = { "A B" = "c" }'), "Invalid key", 'labels = { "A B" = "c" }'),
    (resource("subnet", 'cidr = "10.1.0.5/24"'), "Invalid cidr", 'cidr = "10.1.0.5/24"'),
    (resource("subnet", 'ipv6_cidr = "10.1.0.0/24"'), "Invalid ipv6_cidr", 'ipv6_cidr = "10.1.0.0/24"'),
    (resource("subnet", "vlan = {", 'physical_network = "p"', "id = 4095", "}"), "Invalid id", "vlan = {"),
    (resource("subnet", "vlan = {", 'physical_network = "p"', "id = 1.5", "}"), "Invalid id", "vlan = {"),
    (resource("subnet", "external = {", 'mode = "bridged"', "}"), "Invalid mode", "external = {"),
    (
        resource("subnet", "dns_servers = [", '"10.0.0.1",', '"dns.example",', "]"),
        "Invalid dns_servers",
        '"dns.example",',
    ),
    (
        resource("subnet", "pools = [", '{ start = "10.0.0.1", end = "10" },', "]"),
        "Invalid end",
        '{ start = "10.0.0.1", end = "10" },',
    ),
    (resource("subnet", 'vpc = "shop"'), "Invalid vpc", 'vpc = "shop"'),
    (resource("port", 'subnet = "projects/p/vpcs/v"'), "Invalid subnet", 'subnet = "projects/p/vpcs/v"'),
    (
        resource("port", 'subnet = "projects/p/subnets/v"', 'mac = "01:00:5e:00:00:01"'),
        "Invalid mac",
        'mac = "01:00:5e:00:00:01"',
    ),
    (
        resource("vpc", "external_subnets = {", 'a = { subnet = "internet" }', "}"),
        "Invalid subnet",
        'a = { subnet = "internet" }',
    ),
    (resource("route", *HOPS, BOTH), "Only one may be set", BOTH),
    (resource("route", *HOPS, "next_hops = [{}]"), "One must be set", "next_hops = [{}]"),
    (resource("route", *HOPS, "next_hops = []"), "Too few elements", "next_hops = []"),
    (resource("route", *HOPS, TWICE), "Duplicate element", TWICE),
]


@pytest.mark.parametrize(("configuration", "summary", "source"), OFFLINE)
def test_a_fault_is_shown_at_its_attribute_without_asking_the_server(
    terraform: Terraform, backend: Backend, configuration: str, summary: str, source: str
) -> None:
    terraform.write(configuration)
    assert terraform.faults("validate") == [(summary, source)]
    assert backend.requests == []


@pytest.mark.parametrize(
    ("line", "summary"),
    [
        ('endpoints = ["nowhere"]', "Invalid endpoints"),
        ('deadline = "soon"', "Invalid deadline"),
        ('wait = "some"', "Invalid wait"),
        ('project = "Team A"', "Invalid project"),
        ('tls = { cert_file = "/dev/null" }', "Incomplete tls"),
        ('tls = { ca_file = "nowhere.pem" }', "Unreadable file"),
    ],
)
def test_a_fault_of_the_provider_block_is_shown_at_its_attribute(terraform: Terraform, line: str, summary: str) -> None:
    terraform.write(f'provider "headgate" {{\n  {line}\n}}\nresource "headgate_vpc" "a" {{\n  name = "a"\n}}')
    assert terraform.faults("plan") == [(summary, line)]


def test_the_words_name_the_place_that_terraform_cannot_point_at(terraform: Terraform) -> None:
    terraform.write('resource "headgate_subnet" "x" {\n  name = "x"\n  pools = [{ start = "10.0.0.1", end = "10" }]\n}')
    assert 'pools[0].end: "10" is not an IPv4 address.' in terraform.run("validate", "-no-color", expect=1)


def test_all_faults_are_shown_at_once(terraform: Terraform) -> None:
    terraform.write(resource("subnet", 'cidr = "10.0.0.1/24"', 'gateway = "10.0.0"', 'domain_name = "-"', name="X"))
    assert [summary for summary, _ in terraform.faults("validate")] == [
        "Invalid name",
        "Invalid cidr",
        "Invalid gateway",
        "Invalid domain_name",
    ]


REFUSED = [
    ("external_subnets[internet].subnet", "internet = {"),
    ("external_subnets", "external_subnets = {"),
    ("vpc_id", 'name = "shop"'),
    ("name", 'name = "shop"'),
    ("labels[a]", 'a = "b"'),
    ("status.nothing", 'resource "headgate_vpc" "shop" {'),
    ("parent", 'resource "headgate_vpc" "shop" {'),
]

VPC = """
resource "headgate_vpc" "shop" {
  name = "shop"
  labels = {
    a = "b"
  }
  external_subnets = {
    internet = {
      subnet = "projects/default/subnets/i"
    }
  }
}
"""


@pytest.mark.parametrize(("field", "source"), REFUSED)
def test_a_refusal_of_the_server_is_shown_at_its_attribute(
    terraform: Terraform, backend: Backend, field: str, source: str
) -> None:
    backend.refuse = lambda _verb, _request: Refused(StatusCode.INVALID_ARGUMENT, "NOT_TODAY", "Not today.", (field,))
    terraform.write(VPC)
    assert terraform.faults("apply", "-auto-approve") == [("Not today", source)]


def test_a_missing_parent_is_shown_at_the_attribute_that_names_it(terraform: Terraform) -> None:
    terraform.write('resource "headgate_subnet" "x" {\n  name = "x"\n  vpc = "projects/default/vpcs/none"\n}')
    assert terraform.faults("apply", "-auto-approve") == [("Parent not found", 'vpc = "projects/default/vpcs/none"')]


def test_a_refused_update_keeps_the_state_and_a_refused_create_leaves_none(
    terraform: Terraform, backend: Backend
) -> None:
    terraform.apply(resource("vpc", name="a"))
    backend.refuse = lambda verb, _request: (
        None if verb == "Get" else Refused(StatusCode.FAILED_PRECONDITION, "FROZEN", "Nothing may change.")
    )
    terraform.write(resource("vpc", 'description = "d"', name="a") + resource("vpc", name="b"))
    assert len(terraform.faults("apply", "-auto-approve")) == 2
    assert terraform.state()["headgate_vpc.a"]["description"] is None
    assert "headgate_vpc.b" not in terraform.state()


def test_a_conflict_that_passes_is_tried_again_as_a_new_request(terraform: Terraform, backend: Backend) -> None:
    held = iter([Refused(StatusCode.FAILED_PRECONDITION, "IN_USE", "It is held.", passes=True)])
    backend.refuse = lambda verb, _request: next(held, None) if verb == "Create" else None
    terraform.apply(resource("vpc", name="a"))
    assert len({request.request_id for request in backend.requested("CreateVpc")}) == 2


def test_a_conflict_that_does_not_pass_is_refused_at_once(terraform: Terraform, backend: Backend) -> None:
    backend.refuse = lambda _verb, _request: Refused(StatusCode.FAILED_PRECONDITION, "POOL_EXHAUSTED", "Full.")
    terraform.write(resource("vpc", name="a"))
    assert terraform.faults("apply", "-auto-approve") == [("Pool exhausted", 'resource "headgate_vpc" "a" {')]
    assert len(backend.requested("CreateVpc")) == 1


def test_without_an_endpoint_plans_are_made_and_applies_say_what_to_do(terraform: Terraform) -> None:
    terraform.write('provider "headgate" {\n  endpoints = []\n}\nresource "headgate_vpc" "a" {\n  name = "a"\n}')
    assert terraform.actions() == {"headgate_vpc.a": ["create"]}
    assert terraform.faults("apply", "-auto-approve")[0][0] == "No endpoint"


def test_an_endpoint_not_known_yet_does_not_stop_a_plan(terraform: Terraform) -> None:
    terraform.write(
        'resource "terraform_data" "site" {\n  input = "localhost:1"\n}\n'
        'provider "headgate" {\n  endpoints = [terraform_data.site.output]\n}\n' + resource("vpc", name="a")
    )
    assert terraform.actions()["headgate_vpc.a"] == ["create"]
