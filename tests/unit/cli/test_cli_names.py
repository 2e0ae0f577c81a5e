"""Short names and full ones."""

import pytest

from headgate_cli.names import expand, is_full, parents, shorten

PORT = (
    "projects/{project}/vpcs/{vpc}/subnets/{subnet}/ports/{port}",
    "projects/{project}/subnets/{subnet}/ports/{port}",
)
HOST = ("hosts/{host}",)


@pytest.mark.parametrize(
    ("patterns", "text", "full"),
    [
        (PORT, "projects/p/subnets/s/ports/x", True),
        (PORT, "projects/p/vpcs/v/subnets/s/ports/x", True),
        (PORT, "projects/p/subnets/s", False),
        (PORT, "projects/p/subnets//ports/x", False),
        (PORT, "s/x", False),
        (HOST, "hosts/h1", True),
        (HOST, "h1", False),
    ],
)
def test_a_full_name_is_told_by_its_collections(patterns: tuple[str, ...], text: str, full: bool) -> None:
    assert is_full(patterns, text) is full


def test_a_short_name_with_all_ids_is_one_form() -> None:
    assert list(expand(PORT, "p", "v/s/x")) == ["projects/p/vpcs/v/subnets/s/ports/x"]
    assert list(expand(PORT, "p", "s/x")) == ["projects/p/subnets/s/ports/x"]
    assert list(expand(PORT, "p", "x")) == []
    assert list(expand(HOST, "p", "h1")) == ["hosts/h1"]


def test_every_form_has_its_parent_and_hosts_have_none() -> None:
    assert parents(PORT, "p") == ["projects/p/vpcs/-/subnets/-", "projects/p/subnets/-"]
    assert parents(HOST, "p") == [""]


def test_what_is_shortened_expands_to_the_same_name() -> None:
    for name in ("projects/p/vpcs/v/subnets/s/ports/x", "projects/p/subnets/s/ports/x"):
        assert list(expand(PORT, "p", shorten(name, "p"))) == [name]
    assert shorten("projects/q/subnets/s/ports/x", "p") == "projects/q/subnets/s/ports/x"
    assert shorten("hosts/h1", "p") == "h1"
