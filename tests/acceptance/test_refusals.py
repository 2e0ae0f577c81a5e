"""Bad input in Terraform: refused in words, at the attribute."""

import pytest

from acceptance.test_changes import VPC, port, subnet
from terraform import Terraform


@pytest.mark.parametrize(
    ("configuration", "line", "words"),
    [
        (VPC + subnet("10.1.0.1/24"), 'cidr = "10.1.0.1/24"', "host bits"),
        (VPC + subnet("10.1.0.0/33"), 'cidr = "10.1.0.0/33"', "10.1.0.0/33"),
        ('resource "headgate_vpc" "shop" { name = "Shop_1" }', 'name = "Shop_1"', "lower-case"),
        (VPC + subnet() + port("a", ip="10.1.0"), 'ip     = "10.1.0"', "address"),
    ],
)
def test_a_value_that_is_wrong_by_itself_is_an_error_of_the_plan_at_its_attribute(
    terraform: Terraform, configuration: str, line: str, words: str
) -> None:
    terraform.write(configuration)
    faults = terraform.faults("validate")
    assert {line in where for _, where in faults} == {True}, faults
    assert words in terraform.run("validate", "-no-color", expect=1)


@pytest.mark.parametrize(
    ("configuration", "line", "words"),
    [
        (VPC + subnet() + subnet("10.1.0.128/25", label="two", name="two"), 'cidr = "10.1.0.128/25"', "overlaps"),
        (VPC + subnet() + port("a", ip="10.2.0.5"), 'ip     = "10.2.0.5"', "not in 10.1.0.0/24"),
        (VPC + subnet() + port("a", ip="10.1.0.1"), 'ip     = "10.1.0.1"', "gateway"),
        (VPC + subnet("169.254.7.0/24"), 'cidr = "169.254.7.0/24"', "reserved"),
    ],
)
def test_a_value_that_the_network_cannot_hold_is_an_error_of_the_apply_at_its_attribute(
    terraform: Terraform, configuration: str, line: str, words: str
) -> None:
    terraform.apply(VPC + subnet() if "two" in configuration else VPC)
    terraform.write(configuration)
    faults = terraform.faults("apply", "-auto-approve")
    assert {line in where for _, where in faults} == {True}, faults
    assert words in terraform.run("apply", "-auto-approve", "-no-color", expect=1)
