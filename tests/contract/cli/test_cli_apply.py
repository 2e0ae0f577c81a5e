"""`headgate apply`, `delete -f` and `export` against a real controller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from controller_site import Controller

from api import Api
from command_line import CommandLine
from headgate.v1 import intent_pb2

NETWORK = [
    "subnets/internet",
    "vpcs/shop",
    "vpcs/shop/routes/default",
    "vpcs/shop/subnets/web",
    "vpcs/shop/subnets/web/ports/web1",
]


def revision(api: Api) -> int:
    return int(next(api.intent.Watch(intent_pb2.WatchRequest(name_prefix="/"), timeout=10)).revision)


def names(api: Api, project: str) -> list[str]:
    return [name.removeprefix(f"projects/{project}/") for name in api.names(f"projects/{project}/")]


def objects(*wanted: dict[str, Any]) -> str:
    return yaml.safe_dump_all(wanted, sort_keys=False)


def test_a_file_in_any_order_becomes_a_network_in_one_revision_and_a_second_time_nothing(
    headgate: CommandLine, api: Api, project: str, shop: Path
) -> None:
    before = revision(api)
    printed = headgate("apply", "-f", str(shop), "--yes")
    assert printed.status == 0
    assert "5 to create, 0 to change, 0 to delete, 0 as they are.\n" in printed.out
    assert f"Applied, as revision {before + 1}." in printed.out
    assert printed.out.endswith("Realised.\n")
    assert sorted(names(api, project)) == NETWORK
    again = headgate("apply", "-f", str(shop))
    assert (again.status, again.out, again.err) == (0, "Nothing to do: 5 as they are.\n", "")
    assert revision(api) == before + 1, "C26: nothing to do writes nothing"


def test_what_keeps_the_applied_from_working_is_said_at_once(headgate: CommandLine, shop: Path, project: str) -> None:
    printed = headgate("apply", "-f", str(shop), "--yes")
    assert printed.status == 0, "accepted, and realised as far as it can be"
    assert printed.err.startswith("Take note:\n")
    assert f"projects/{project}/vpcs/shop: NO_GATEWAY_HOST: " in printed.err


def test_a_text_is_read_as_its_field_wants_it_and_not_as_yaml_guesses(
    headgate: CommandLine, api: Api, project: str, shop: Path
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    assert api.get(f"projects/{project}/vpcs/shop").display_name == "no"
    assert api.get(f"projects/{project}/vpcs/shop/subnets/web/ports/web1").mac == "52:54:00:12:34:56"


def test_a_change_is_shown_field_by_field_before_it_is_made(
    headgate: CommandLine, api: Api, project: str, shop: Path
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    text = shop.read_text().replace("no              #", "Corner shop #")
    shop.write_text(text.replace("203.0.113.99", "203.0.113.98").replace("app: shop", "tier: front"))
    printed = headgate("apply", "-f", str(shop), "--dry-run")
    assert printed.out.splitlines() == [
        f"~ subnet projects/{project}/subnets/internet",
        "    ~ pools: start 203.0.113.10, end 203.0.113.99 → start 203.0.113.10, end 203.0.113.98",
        f"~ vpc projects/{project}/vpcs/shop",
        "    ~ display_name: no → Corner shop",
        f"~ port projects/{project}/vpcs/shop/subnets/web/ports/web1",
        "    + labels[tier]: front",
        "    - labels[app]: shop",
        "0 to create, 3 to change, 0 to delete, 2 as they are.",
        "Nothing was changed: this was a dry run.",
    ]
    assert api.get(f"projects/{project}/vpcs/shop").display_name == "no"


def test_a_field_left_out_is_taken_away_but_what_the_platform_chose_stays(
    headgate: CommandLine, api: Api, project: str, shop: Path
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    shop.write_text(shop.read_text().replace("mac: 52", "# mac: 52").replace("labels: {app: shop}\n", ""))
    assert "1 to change" in headgate("apply", "-f", str(shop), "--yes", "--no-wait").out
    port = api.get(f"projects/{project}/vpcs/shop/subnets/web/ports/web1")
    assert (port.mac, port.ip, dict(port.labels)) == ("52:54:00:12:34:56", "10.1.0.2", {})


def test_all_faults_of_all_files_are_told_at_once_each_with_its_line(headgate: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: vpx\nname: shop\n---\nkind: vpc\nname: shop\ndescripton: Corner\n")
    (tmp_path / "b.json").write_text('{"kind": "subnet",\n\t"name": "shop/web",\n\t"vlan": {"id": "many"}}')
    (tmp_path / "c.yml").write_text(
        "kind: port\nname: shop/web/p\nlabels: [a]\nip: {a: b}\nlabels: {}\n---\njust words\n"
    )
    (tmp_path / "d.yaml").write_text("kind: [unclosed\n")
    (tmp_path / ".hidden.yaml").write_text("nonsense: 1\n")
    printed = headgate("apply", "-f", str(tmp_path))
    assert printed.status == 1
    lines = [line.removeprefix(f"  {tmp_path}/") for line in printed.err.splitlines()]
    assert lines[0] == "Nothing was changed; 8 faults:"
    assert lines[1].startswith("a.yaml:1 (document 1): There is no kind 'vpx'. Did you mean vpc?")
    assert lines[2] == "a.yaml:6 (document 2): There is no field 'descripton'; did you mean description?"
    assert lines[3] == "b.json:3: vlan.id: 'many' is not a whole number."
    assert lines[4].startswith("c.yml:3 (document 1): labels: It must be an object")
    assert lines[5] == "c.yml:4 (document 1): ip: It must be a single value."
    assert lines[6] == "c.yml:5 (document 1): labels is at line 3 already; write it once."
    assert lines[7].startswith("c.yml:7 (document 2): It is no object")
    assert lines[8].startswith("d.yaml:2: It cannot be read as YAML or JSON: ")


def test_c53_every_fault_that_the_controller_finds_is_told_at_once_with_its_line_and_nothing_is_changed(
    headgate: CommandLine, api: Api, project: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "kind: vpc\nname: shop\n---\n"
        "kind: subnet\nname: shop/web\ncidr: 10.1.0.0/24\n---\n"
        "kind: subnet\nname: shop/db\ncidr: 10.1.0.128/25\n---\n"
        "kind: port\nname: shop/db/never-judged\n---\n"
        "kind: port\nname: shop/web/a\nip: 10.9.0.1\n---\n"
        "kind: subnet\nname: shop/odd\ncidr: 10.1.0.1/24\n---\n"
        "kind: port\nname: shop/web/b\nhost: h404\n"
    )
    printed = headgate("apply", "-f", str(file), "--yes")
    lines = [line.removeprefix(f"  {file}:") for line in printed.err.splitlines()]
    web = f"projects/{project}/vpcs/shop/subnets"
    assert lines[0] == "Nothing was changed; 4 faults:"
    assert lines[1].startswith(f"10 (document 3): {web}/db: cidr: 10.1.0.128/25 overlaps")
    assert lines[2].startswith(f"17 (document 5): {web}/web/ports/a: ip: 10.9.0.1 is not in")
    assert lines[3].startswith(f"21 (document 6): {web}/odd: cidr:")
    assert lines[4].startswith(f"25 (document 7): {web}/web/ports/b: host: There is no hosts/h404")
    assert len(lines) == 5
    assert names(api, project) == []


def test_without_a_terminal_nobody_is_asked_and_nothing_changed(
    headgate: CommandLine, api: Api, project: str, shop: Path
) -> None:
    printed = headgate("apply", "-f", str(shop))
    assert printed.status == 2
    assert "add --yes" in printed.err
    assert names(api, project) == []


def test_prune_deletes_what_has_the_label_and_is_in_no_file_and_nothing_else(
    headgate: CommandLine, api: Api, project: str, tmp_path: Path
) -> None:
    vpcs = [{"kind": "vpc", "name": name, "labels": {"app": "shop"}} for name in ("a", "b")]
    subnet = {"kind": "subnet", "name": "b/web", "cidr": "10.1.0.0/24", "labels": {"app": "shop"}}
    file = tmp_path / "shop.yaml"
    file.write_text(objects(*vpcs, subnet, {"kind": "vpc", "name": "other"}))
    assert headgate("apply", "-f", str(file), "--yes", "--no-wait").status == 0
    file.write_text(objects(vpcs[0]))
    printed = headgate("apply", "-f", str(file), "--prune", "app=shop", "--yes")
    gone = [f"projects/{project}/vpcs/b/subnets/web", f"projects/{project}/vpcs/b"]
    assert printed.out.splitlines()[:2] == [f"- subnet {gone[0]}", f"- vpc {gone[1]}"]
    assert names(api, project) == ["vpcs/a", "vpcs/other"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the files hold nothing"),
        ("kind: vpc\nname: a\n", "It lacks the label app=shop"),
        ("kind: vpc\nname: a\nlabels: {app: bank}\n", "It lacks the label app=shop"),
    ],
)
def test_prune_is_refused_where_it_cannot_tell_what_is_its_own(
    headgate: CommandLine, api: Api, project: str, tmp_path: Path, text: str, words: str
) -> None:
    api.create(f"projects/{project}/vpcs/b", labels={"app": "shop"})
    file = tmp_path / "shop.yaml"
    file.write_text(text)
    printed = headgate("apply", "-f", str(file), "--prune", "app=shop", "--yes")
    assert printed.status == 1
    assert words in printed.err
    assert names(api, project) == ["vpcs/b"]


def test_prune_that_would_break_somebody_else_changes_nothing(
    headgate: CommandLine, api: Api, project: str, tmp_path: Path
) -> None:
    api.create(f"projects/{project}/vpcs/b", labels={"app": "shop"})
    api.create(f"projects/{project}/vpcs/b/subnets/theirs", cidr="10.1.0.0/24")
    file = tmp_path / "shop.yaml"
    file.write_text(objects({"kind": "vpc", "name": "a", "labels": {"app": "shop"}}))
    for more in ("--dry-run", "--yes"):
        printed = headgate("apply", "-f", str(file), "--prune", "app=shop", more)
        assert printed.status == 1
        assert "theirs" in printed.err
    assert sorted(names(api, project)) == ["vpcs/b", "vpcs/b/subnets/theirs"]


def test_c14_what_changed_between_the_plan_and_the_answer_is_not_overwritten(
    headgate: CommandLine, api: Api, project: str, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    shop.write_text(shop.read_text().replace("no              #", "Mine #"))

    def agreed_late(*_: object, **__: object) -> None:
        api.update(f"projects/{project}/vpcs/shop", display_name="Theirs")

    monkeypatch.setattr("headgate_cli.commands.apply.agree", agreed_late)
    printed = headgate("apply", "-f", str(shop))
    assert printed.status == 1
    assert "has changed since you read it" in printed.err
    assert api.get(f"projects/{project}/vpcs/shop").display_name == "Theirs"


def test_delete_takes_away_what_a_file_holds_in_one_revision_and_a_second_time_nothing(
    headgate: CommandLine, api: Api, project: str, shop: Path
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    before = revision(api)
    assert headgate("delete", "-f", str(shop), "--dry-run").status == 0
    assert revision(api) == before
    assert headgate("delete", "-f", str(shop), "--yes").status == 0
    assert (names(api, project), revision(api)) == ([], before + 1)
    again = headgate("delete", "-f", str(shop), "--yes")
    assert (again.status, again.out) == (0, "Nothing to do: none of it is there.\n")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_exported_applies_as_it_is_and_from_nothing_gives_the_same_network(
    headgate: CommandLine, api: Api, project: str, shop: Path, tmp_path: Path, form: str
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    api.create(f"projects/{project}/floatingIps/web", externalSubnet=f"projects/{project}/subnets/internet")
    file = tmp_path / f"all.{form}"
    file.write_text(headgate("export", "-o", form).out)
    assert headgate("apply", "-f", str(file)).out == "Nothing to do: 6 as they are.\n"
    assert headgate("delete", "-f", str(file), "--yes").status == 0
    assert names(api, project) == []
    assert headgate("apply", "-f", str(file), "--yes", "--no-wait").status == 0
    assert headgate("export", "-o", form).out == file.read_text()


def test_an_export_that_cannot_be_written_leaves_the_file_of_before(
    headgate: CommandLine, shop: Path, tmp_path: Path
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    file = tmp_path / "all.yaml"
    assert headgate("export", "-f", str(file)).err == f"{file} holds 5 resources.\n"
    before = file.read_text()
    (tmp_path / ".all.yaml.new").mkdir()
    failed = headgate("export", "-f", str(file))
    assert (failed.status, file.read_text()) == (1, before)
    assert "cannot be written" in failed.err


def test_an_export_holds_what_users_set_and_nothing_that_only_the_controller_says(
    headgate: CommandLine, api: Api, project: str, shop: Path
) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    exported = list(yaml.safe_load_all(headgate("export").out))
    port = next(one for one in exported if one["kind"] == "port")
    name = f"projects/{project}/vpcs/shop/subnets/web/ports/web1"
    mac = "52:54:00:12:34:56"
    assert port == {"kind": "port", "name": name, "labels": {"app": "shop"}, "ip": "10.1.0.2", "mac": mac}
    vpc = next(one for one in exported if one["kind"] == "vpc")
    assert vpc["external_subnets"] == {"internet": {"subnet": f"projects/{project}/subnets/internet"}}


def test_c9_what_get_shows_to_programs_can_be_applied(headgate: CommandLine, shop: Path, tmp_path: Path) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    for form in ("json", "yaml"):
        file = tmp_path / f"got.{form}"
        file.write_text(headgate("get", "all", "-o", form).out)
        printed = headgate("apply", "-f", str(file))
        assert "Nothing to do: " in printed.out, printed


def test_c46_applying_the_same_file_twice_at_once_leaves_one_network(
    headgate: CommandLine, api: Api, project: str, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(_: str, *, yes: bool) -> None:
        if not yes:
            assert headgate("apply", "-f", str(shop), "--yes", "--no-wait").status == 0

    monkeypatch.setattr("headgate_cli.commands.apply.agree", meanwhile)
    late = headgate("apply", "-f", str(shop))
    assert late.status == 1
    assert "exists already" in late.err
    assert headgate("apply", "-f", str(shop)).out == "Nothing to do: 5 as they are.\n"


def test_more_than_a_batch_holds_is_applied_in_parts(
    headgate: CommandLine, api: Api, project: str, tmp_path: Path
) -> None:
    file = tmp_path / "many.json"
    file.write_text(json.dumps([{"kind": "vpc", "name": f"v{n}"} for n in range(1001)]))
    printed = headgate("apply", "-f", str(file), "--yes", "--no-wait")
    assert printed.status == 0
    assert "Part 2 of 2" in printed.out
    assert len(names(api, project)) == 1001
    assert headgate("delete", "-f", str(file), "--yes").status == 0


def test_a_controller_that_is_not_there_is_said_to_be(
    headgate: CommandLine, shop: Path, monkeypatch: pytest.MonkeyPatch, shared_controller: Controller
) -> None:
    monkeypatch.setenv("HEADGATE_ENDPOINTS", f"{shared_controller.api}.none")
    printed = headgate("apply", "-f", str(shop), "--yes")
    assert printed.status == 3
    assert "Is it running?" in printed.err
