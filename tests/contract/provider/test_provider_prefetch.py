"""Many reads become few lists, and the answers stay what single requests would have said."""

from grpc import StatusCode
from provider_backend import Backend, Refused
from provider_driven import name

from headgate_terraform.prefetch import READS_FOR_A_PAGE
from terraform import Terraform

MANY = 100
AT_ONCE = 10
"""Terraform's -parallelism: so many reads may be under way when the first page is asked for."""


def vpcs(count: int, *lines: str) -> str:
    body = "\n  ".join(lines)
    return f'resource "headgate_vpc" "v" {{\n  count = {count}\n  name = "v${{count.index}}"\n  {body}\n}}\n'


def test_c40_many_resources_are_refreshed_by_lists_not_by_one_request_each(
    terraform: Terraform, backend: Backend
) -> None:
    terraform.apply(vpcs(MANY))
    backend.requests.clear()
    terraform.assert_settled()
    assert len(backend.requested("ListVpcs")) == 1
    assert len(backend.requested("GetVpc")) <= READS_FOR_A_PAGE + AT_ONCE


def test_few_resources_are_read_one_by_one(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(vpcs(READS_FOR_A_PAGE))
    backend.requests.clear()
    terraform.assert_settled()
    assert len(backend.requested("GetVpc")) == READS_FOR_A_PAGE
    assert backend.requested("ListVpcs") == []


def test_lists_go_no_further_than_the_reads_pay_for(terraform: Terraform, backend: Backend) -> None:
    backend.page = 10
    terraform.apply(vpcs(3 * READS_FOR_A_PAGE))
    for number in range(1_000, 1_500):
        backend.objects[name(number)] = type(backend.objects[name(0)])(name=name(number))
    backend.requests.clear()
    terraform.assert_settled()
    assert 1 <= len(backend.requested("ListVpcs")) <= 2


def test_drift_is_seen_in_lists_and_c51_what_was_deleted_elsewhere_is_planned_anew(
    terraform: Terraform, backend: Backend
) -> None:
    terraform.apply(vpcs(MANY))
    for number in range(MANY):
        if number % 2:
            del backend.objects[name(number)]
        else:
            backend.change(name(number), description="someone else's")
    assert terraform.actions() == {
        f"headgate_vpc.v[{number}]": ["create"] if number % 2 else ["update"] for number in range(MANY)
    }


def test_what_a_list_lacks_is_asked_for_before_it_is_called_gone(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(vpcs(MANY))
    backend.unlisted = {name(number) for number in range(0, MANY, 3)}
    terraform.assert_settled()


def test_where_lists_are_refused_everything_is_read_one_by_one(terraform: Terraform, backend: Backend) -> None:
    terraform.apply(vpcs(MANY))
    backend.requests.clear()
    backend.refuse = lambda verb, _request: Refused(StatusCode.INTERNAL, "", "no list") if verb == "List" else None
    terraform.assert_settled()
    assert len(backend.requested("GetVpc")) == MANY
    assert len(backend.requested("ListVpcs")) == 1
