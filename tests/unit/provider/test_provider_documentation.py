"""The pages about the provider say what its schema says."""

import re
from pathlib import Path

import pytest

from headgate_terraform.documentation import pages
from headgate_terraform.kinds import load_kinds

KINDS = load_kinds()
PAGES = dict(pages(KINDS, Path("nowhere")))


def members(page: str, group: str) -> set[str]:
    """Return the attributes in one of the groups at the top of a page."""
    part = re.split(r"^(?:#|<a)", page.partition(f"### {group}\n")[2], flags=re.MULTILINE)[0]
    return set(re.findall(r"^- `(\w+)`", part, re.MULTILINE))


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.type)
def test_a_page_groups_attributes_as_the_schema_does(kind) -> None:  # type: ignore[no-untyped-def]
    page, attributes = PAGES[f"resources/{kind.type}.md"], kind.shape.attributes
    assert members(page, "Required") == {a.name for a in attributes if a.required}
    assert members(page, "Optional") == {a.name for a in attributes if a.optional}
    assert members(page, "Read-Only") == {"id"} | {a.name for a in attributes if not a.configurable}


def test_every_reference_to_a_nested_schema_leads_there() -> None:
    for page in PAGES.values():
        assert set(re.findall(r"\(#([\w-]+)\)", page)) == set(re.findall(r'<a id="([\w-]+)"></a>', page))


def test_values_and_replacement_are_told_at_the_attribute() -> None:
    page = PAGES["resources/subnet.md"]
    assert re.search(r"- `mode` \(String\) .*`nat` \(.*`routed` \(.*Changing it replaces the resource\.", page)
    assert "Changing it replaces" not in PAGES["data-sources/subnet.md"]


def test_defaults_secrets_and_keys_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "new_kind")
    sinks = load_kinds(["headgate_test.v1.kitchen_sink_pb2"])
    page = dict(pages(sinks, Path("nowhere")))["resources/kitchen_sink.md"]
    for begin, end in (
        ("- `mtu` (Number)", "Default: `1500`."),
        ("- `finish` (String)", 'Default: `"blue"`.'),
        ("- `enabled` (Boolean)", "Default: `true`."),
        ("- `password_wo` (String, Sensitive, Write-only)", ""),
        ("- `taps` (Attributes Map)", "(see [below for nested schema](#nestedatt--taps))"),
    ):
        assert [line for line in page.splitlines() if line.startswith(begin) and line.endswith(end)], begin
