"""The veil over what a caller must not learn: no name of another project, whatever stands around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_controller.api.veil import Veil
from headgate_controller.errors import InUseError, InvalidError, Violation
from headgate_controller.principal import ADMINISTRATOR, Principal

HOLDER = Principal("tokens/t", frozenset({"a"}), writes=True)
VEIL = Veil(HOLDER)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It is projects/b/subnets/x already.", "It is a resource of another project already."),
        (
            "projects/a/vpcs/v is used by projects/b/vpcs/v.",
            "projects/a/vpcs/v is used by a resource of another project.",
        ),
        ("used by projects/b/vpcs/v, projects/c/vpcs/w, and more", "used by resources of other projects, and more"),
        ("'projects/b/vpcs/v/routes/r'", "'a resource of another project'"),
        ("10.1.0.0/24 of hosts/h1 in projects", "10.1.0.0/24 of hosts/h1 in projects"),
    ],
)
def test_names_of_other_projects_are_replaced(text: str, shown: str) -> None:
    assert VEIL.over(text) == shown


def test_names_that_the_caller_gave_stay() -> None:
    given_name = "projects/b/subnets/internet"
    veil = Veil(HOLDER, {given_name})
    assert veil.over(f"not attached to {given_name}") == f"not attached to {given_name}"
    assert veil.over(f"not attached to {given_name}2") == "not attached to a resource of another project"


def test_whoever_sees_everything_sees_every_name() -> None:
    assert Veil(ADMINISTRATOR).over("projects/b/vpcs/v") == "projects/b/vpcs/v"


def test_every_text_of_an_error_is_veiled() -> None:
    error = InvalidError("projects/a/vpcs/v", [Violation("x", "TAKEN", "projects/b/vpcs/w has it.")])
    veiled = VEIL.over_error(error)
    assert isinstance(veiled, InvalidError)
    assert veiled.violations[0].description == "a resource of another project has it."
    assert "projects/b" not in str(veiled)
    used = VEIL.over_error(InUseError("projects/a/subnets/s", ["projects/b/vpcs/v", "projects/a/vpcs/w"]))
    assert used.metadata == {"resource": "projects/a/subnets/s", "referrers": "projects/a/vpcs/w"}


NAMES = st.from_regex(r"projects/b(/[a-z]{1,8}/[a-z][a-z0-9-]{0,8}[a-z0-9]){1,3}", fullmatch=True)


@given(st.text("(): ,.;'\"\n", max_size=3), NAMES, st.text("(): ,.;'\"\n", max_size=3))
def test_no_name_of_another_project_gets_through(before: str, name: str, after: str) -> None:
    assert "projects/b" not in VEIL.over(f"{before}{name}{after}")
