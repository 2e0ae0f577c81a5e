"""What `headgate` prints and what it ends with."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cli_stand_in import StandIn
from grpc_tools import protoc

from command_line import CommandLine
from headgate.v1 import host_pb2, port_pb2, types_pb2, vm_pb2

GADGET = """
syntax = "proto3";
package headgate_cli_test.v1;
import "google/protobuf/empty.proto";
import "headgate/v1/annotations.proto";
import "headgate/v1/types.proto";
message Gadget {
  option (headgate.v1.resource) = { type: "gadget" plural: "gadgets" patterns: "projects/{project}/gadgets/{gadget}" };
  string name = 1;
  headgate.v1.State state = 5;
  bool reconciling = 6;
  headgate.v1.Status status = 7;
  uint32 teeth = 20;
}
message GetGadgetRequest { string name = 1; }
message ListGadgetsRequest { string parent = 1; int32 page_size = 2; string page_token = 3; bool show_deleting = 5; }
message ListGadgetsResponse { repeated Gadget gadgets = 1; string next_page_token = 2; }
service GadgetService {
  rpc GetGadget(GetGadgetRequest) returns (Gadget);
  rpc ListGadgets(ListGadgetsRequest) returns (ListGadgetsResponse);
}
"""


def test_a_table_shows_short_names_and_the_fields_that_any_resource_has(headgate: CommandLine) -> None:
    assert headgate("get", "subnets").table == [
        ["NAME", "VLAN", "CIDR", "EXTERNAL", "STATE", "REALISED"],
        ["shop/web", "10.1.0.0/24", "unspecified", "yes"],
        ["bank/web", "10.1.0.0/24", "unspecified", "yes"],
        ["lab/web", "10.1.0.0/24", "unspecified", "yes"],
        ["internet", "provider 0", "203.0.113.0/24", "nat", "unspecified", "yes"],
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("get", "vpcs", "--watch", "-o", "json"),
        ("get", "vpcs", "--watch", "-o", "yaml"),
        ("watch", "-o", "yaml"),
        ("export", "-o", "table"),
    ],
)
def test_a_form_that_a_command_does_not_write_is_refused(headgate: CommandLine, words: tuple[str, ...]) -> None:
    refused = headgate(*words)
    assert (refused.status, refused.out) == (2, "")
    assert "json" in refused.err


def test_an_ethernet_address_is_printed_as_it_is_whatever_its_digits(headgate: CommandLine, server: StandIn) -> None:
    server.add(port_pb2.Port(name="projects/default/vpcs/shop/subnets/web/ports/web1", mac="0a:95:1e:ab:4a:eb"))
    assert headgate("get", "ports").table[1][:2] == ["shop/web/web1", "0a:95:1e:ab:4a:eb"]


def test_a_table_of_vms_shows_where_everything_is(headgate: CommandLine, server: StandIn) -> None:
    port = "projects/default/vpcs/shop/subnets/web/ports/web1"
    where = {"hosts": ["hosts/h2"], "ports": [port], "addresses": ["10.1.0.2"]}
    server.add(vm_pb2.Vm(name="projects/default/vms/web", power=vm_pb2.POWER_STATE_ON, **where))
    server.add(vm_pb2.Vm(name="projects/default/vms/new"))
    assert headgate("get", "vms").table == [
        ["NAME", "POWER", "HOSTS", "PORTS", "ADDRESSES", "STATE", "REALISED"],
        ["web", "on", "h2", "shop/web/web1", "10.1.0.2", "unspecified", "yes"],
        ["new", "unspecified", "yes"],
    ]


def test_what_hosts_report_in_structures_is_left_to_describe(headgate: CommandLine, server: StandIn) -> None:
    nic = host_pb2.Nic(name="eth0", link_up=True)
    server.add(host_pb2.Host(name="hosts/h9", zone="north", nics=[nic], versions={"ovn": "23.03.1"}))
    assert "NICS" not in headgate("get", "hosts").out
    assert "eth0" in headgate("describe", "host", "h9").out


def test_a_resource_that_is_not_realised_names_the_hosts_it_waits_for(headgate: CommandLine) -> None:
    assert headgate("get", "port").table[1] == ["shop/web/web1", "10.1.0.2", "unspecified", "no: h2"]


def test_a_condition_is_shown_beside_the_realisation(headgate: CommandLine, server: StandIn) -> None:
    condition = types_pb2.Condition(reason="NO_GATEWAY_HOST")
    server.resources["projects/default/vpcs/shop"].status.conditions.append(condition)
    assert headgate("get", "vpc").table[1][-1] == "yes; NO_GATEWAY_HOST"


@pytest.mark.parametrize("kind", ["floatingIps", "floating-ip", "floating_ips", "FloatingIp"])
def test_a_kind_may_be_written_in_any_usual_way(headgate: CommandLine, kind: str) -> None:
    assert headgate("get", kind).table[1] == ["web1", "203.0.113.11", "shop/web/web1", "unspecified", "yes"]


def test_a_kind_outside_of_projects_is_listed(headgate: CommandLine) -> None:
    assert headgate("get", "hosts").table[1] == ["h1", "172.31.0.11", "provider=br-ext", "unspecified", "yes"]


def test_all_shows_a_table_for_each_kind_that_has_something(headgate: CommandLine) -> None:
    headings = [line for line in headgate("get", "all").table if line[:1] == ["NAME"]]
    assert len(headings) == 5


def test_another_project_is_another_world_unless_all_are_asked_for(headgate: CommandLine) -> None:
    assert [line[0] for line in headgate("get", "vpcs").table] == ["NAME", "shop"]
    assert [line[0] for line in headgate("get", "vpcs", "-p", "other").table] == ["NAME", "shop"]
    everywhere = [line[0] for line in headgate("get", "vpcs", "-A").table]
    assert everywhere == ["NAME", "projects/default/vpcs/shop", "projects/other/vpcs/shop"]


def test_an_empty_list_says_so_and_is_no_failure(headgate: CommandLine) -> None:
    printed = headgate("get", "vpcs", "-p", "empty")
    assert (printed.status, printed.out, printed.err) == (0, "", "There are no vpcs in project empty.\n")


def test_json_has_the_names_of_the_api(headgate: CommandLine) -> None:
    assert json.loads(headgate("get", "port", "web1", "-o", "json").out)["ip"] == "10.1.0.2"
    assert [r["name"] for r in json.loads(headgate("get", "hosts", "-o", "json").out)] == ["hosts/h1"]


def test_yaml_has_a_document_for_each_and_is_what_json_is(headgate: CommandLine) -> None:
    documents = list(yaml.safe_load_all(headgate("get", "subnets,hosts", "-o", "yaml").out))
    assert documents == json.loads(headgate("get", "subnets,hosts", "-o", "json").out)


def test_a_wide_table_shows_what_all_kinds_have_too(headgate: CommandLine) -> None:
    assert headgate("get", "vpcs", "-o", "wide").table[0] == [
        "NAME",
        "EXTERNAL SUBNETS",
        "GENERATION",
        "STATE",
        "REALISED",
    ]


def test_labels_and_filters_are_asked_of_the_controller(headgate: CommandLine, server: StandIn) -> None:
    headgate("get", "vpcs", "-l", "app=shop,tier=web", "-l", "a.b=", "--filter", 'description = "x"')
    assert server.filters == ['description = "x" AND labels.app = "shop" AND labels.tier = "web" AND labels.a.b = ""']
    assert "is no label" in headgate("get", "vpcs", "-l", "app").err


def test_on_a_narrow_screen_nothing_is_lost(headgate: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    lines = headgate("get", "ports").out
    assert "…" not in lines
    assert max(map(len, lines.splitlines()[1:])) <= 40


def test_lint_gives_what_changed_a_moment_ago_the_time_to_be_realised(headgate: CommandLine, server: StandIn) -> None:
    assert server.resources["projects/default/vpcs/shop/subnets/web/ports/web1"].reconciling
    assert "NOT_REALISED" not in headgate("lint").out


def test_a_map_of_names_is_shown_in_short(headgate: CommandLine, server: StandIn) -> None:
    server.resources["projects/default/vpcs/shop"].active_gateways["internet"] = "hosts/h1"
    assert "internet=h1" in headgate("get", "vpcs").table[1]


def test_a_kind_outside_of_projects_is_not_looked_for_in_one(headgate: CommandLine) -> None:
    assert headgate("get", "host", "h9").err == "There is no host h9; headgate get hosts lists all.\n"


def test_times_are_shown_to_the_second_and_given_to_programs_as_they_are(
    headgate: CommandLine, server: StandIn
) -> None:
    server.resources["hosts/h1"].create_time.FromNanoseconds(1_500_000_000)
    assert "1970-01-01T00:00:01Z" in headgate("describe", "host", "h1").out
    assert json.loads(headgate("get", "host", "h1", "-o", "json").out)["create_time"] == "1970-01-01T00:00:01.500Z"


def test_colour_is_for_terminals_only(headgate: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in headgate("get", "all").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[33m" in headgate("get", "ports").out, "what is not realised stands out"
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[33m" not in headgate("get", "ports").out


def test_a_short_name_that_means_several_is_refused_and_names_them(headgate: CommandLine) -> None:
    printed = headgate("get", "subnet", "web")
    assert printed.status == 2
    assert "projects/default/vpcs/bank/subnets/web" in printed.err
    assert headgate("get", "subnet", "bank/web").status == 0


def test_a_short_name_may_hold_as_many_ids_from_the_right_as_are_needed(headgate: CommandLine) -> None:
    for name in ("web1", "web/web1", "shop/web/web1"):
        assert headgate("get", "port", name).table[1][0] == "shop/web/web1"
    assert headgate("get", "port", "db/web1").status == 1


def test_describe_shows_every_field_and_who_uses_it(headgate: CommandLine) -> None:
    printed = headgate("describe", "vpc", "shop")
    assert printed.out.splitlines() == [
        "name: projects/default/vpcs/shop",
        "external_subnets:",
        "  internet:",
        "    subnet: projects/default/subnets/internet",
        "    snat_ips:",
        "      - 203.0.113.10",
        "generation: 3",
        "state: active",
        "used_by:",
        "  - projects/default/vpcs/shop/subnets/web",
        "  - projects/default/vpcs/shop/routes/default",
    ]
    assert headgate("describe", "projects/default/vpcs/shop").out == printed.out


def test_describe_says_that_a_resource_is_protected(headgate: CommandLine, server: StandIn) -> None:
    server.resources["projects/default/vpcs/shop"].deletion_protection = True
    assert "deletion_protection: yes" in headgate("describe", "vpc", "shop").out.splitlines()


def test_describe_changes_nothing_though_it_asks_what_a_deletion_would_meet(
    headgate: CommandLine, server: StandIn
) -> None:
    printed = headgate("describe", "floating_ip", "web1")
    assert "used_by" not in printed.out
    assert "projects/default/floatingIps/web1" in server.resources


def test_delete_is_refused_while_others_refer_and_changes_nothing(headgate: CommandLine, server: StandIn) -> None:
    printed = headgate("delete", "vpc", "shop")
    assert (printed.status, printed.err) == (1, "It is used.\n")
    assert "projects/default/vpcs/shop" in server.resources


def test_delete_says_whether_the_resource_is_gone(headgate: CommandLine, server: StandIn) -> None:
    printed = headgate("delete", "vpc", "shop", "--when-unreferenced")
    assert printed.out == "projects/default/vpcs/shop is still used; it vanishes with its last referrer\n"
    assert headgate("delete", "floating_ip", "web1").out == "projects/default/floatingIps/web1 is deleted\n"
    assert "projects/default/floatingIps/web1" not in server.resources


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["get", "vpx"], "Did you mean vpc?"),
        (["get", "vpcs,ports", "shop"], "exactly one kind"),
        (["describe", "shop"], "one full name"),
        (["describe", "all", "shop"], "one full name"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_right(headgate: CommandLine, argv: list[str], words: str) -> None:
    printed = headgate(*argv)
    assert printed.status == 2
    assert words in printed.err


def test_what_is_not_there_ends_with_1(headgate: CommandLine) -> None:
    printed = headgate("get", "vpc", "nope")
    assert (printed.status, printed.out) == (1, "")
    assert "no vpc nope in project default" in printed.err


def test_endpoints_come_from_the_option_else_from_the_environment(
    headgate: CommandLine, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_ENDPOINTS", "a:1, b:2")
    headgate("get", "hosts")
    assert server.endpoints == ["a:1", "b:2"]
    headgate("get", "hosts", "--endpoint", "unix:/c")
    assert server.endpoints == ["unix:/c"]


def test_a_kind_of_another_proto_file_needs_no_code(
    headgate: CommandLine, server: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cli_gadget.proto").write_text(GADGET)
    root = Path(__file__).parents[3] / "proto"
    well_known = Path(protoc.__file__).parent / "_proto"
    argv = ["protoc", f"-I{tmp_path}", f"-I{root}", f"-I{well_known}", f"--python_out={tmp_path}", "cli_gadget.proto"]
    assert protoc.main(argv) == 0
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("HEADGATE_EXTRA_PROTOS", "cli_gadget_pb2")
    headgate("get", "hosts")
    server.add(sys.modules["cli_gadget_pb2"].Gadget(name="projects/default/gadgets/wheel", teeth=12))
    assert headgate("get", "gadgets").table[1] == ["wheel", "12", "unspecified", "yes"]


def test_the_provider_is_installed_below_home_and_removed_again(
    headgate: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = Path(headgate("terraform", "install").out.splitlines()[0])
    assert file.is_relative_to(tmp_path)
    assert file.is_file()
    assert headgate("terraform", "uninstall").status == 0
    assert not file.exists()


def test_help_is_quick_since_it_imports_nothing_that_it_does_not_need() -> None:
    program = "import sys; from headgate_cli.__main__ import assemble; assemble(); print(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"grpc", "google.protobuf", "rich.table", "headgate.v1"}.isdisjoint(imported)
