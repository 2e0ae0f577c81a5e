"""A kind is added by a proto file alone."""

import subprocess
import sys
from pathlib import Path

import pytest
from provider_backend import Backend

from headgate_terraform.kinds import load_kinds
from terraform import Terraform

PROTO = Path(__file__).parents[3] / "proto"
MODULE = "headgate_added.gadget_pb2"
SOURCE = """
syntax = "proto3";
package headgate.added;
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "headgate/v1/annotations.proto";
import "headgate/v1/types.proto";

message Gadget {
  option (headgate.v1.resource) = {
    type: "gadget" plural: "gadgets" patterns: "projects/{project}/vpcs/{vpc}/gadgets/{gadget}"
  };
  enum Size {
    SIZE_UNSPECIFIED = 0;
    SIZE_EXTRA_LARGE = 1;
  }
  message Part {
    int64 weight = 1 [(headgate.v1.field) = {behavior: BEHAVIOR_REQUIRED minimum: 1}];
    optional string serial = 2 [(headgate.v1.field) = {behavior: BEHAVIOR_OPTIONAL server_chosen: true}];
  }
  string name = 1 [(headgate.v1.field) = {behavior: BEHAVIOR_IDENTIFIER immutable: true}];
  string uid = 2 [(headgate.v1.field) = {behavior: BEHAVIOR_OUTPUT_ONLY}];
  int64 generation = 3 [(headgate.v1.field) = {behavior: BEHAVIOR_OUTPUT_ONLY volatile: true}];
  headgate.v1.State state = 5 [(headgate.v1.field) = {behavior: BEHAVIOR_OUTPUT_ONLY volatile: true}];
  optional Size size = 20 [(headgate.v1.field) = {behavior: BEHAVIOR_OPTIONAL}];
  map<string, Part> parts = 21 [(headgate.v1.field) = {behavior: BEHAVIOR_OPTIONAL}];
  repeated uint32 ports = 22 [(headgate.v1.field) = {behavior: BEHAVIOR_OPTIONAL unordered: true maximum: 65535}];
  oneof mount {
    bool wall = 23 [(headgate.v1.field) = {behavior: BEHAVIOR_OPTIONAL}];
    Part shelf = 24 [(headgate.v1.field) = {behavior: BEHAVIOR_OPTIONAL}];
  }
}
service GadgetService {
  rpc GetGadget(GetGadgetRequest) returns (Gadget);
  rpc ListGadgets(ListGadgetsRequest) returns (ListGadgetsResponse);
  rpc CreateGadget(CreateGadgetRequest) returns (Gadget);
  rpc UpdateGadget(UpdateGadgetRequest) returns (Gadget);
  rpc DeleteGadget(DeleteGadgetRequest) returns (google.protobuf.Empty);
}
message GetGadgetRequest { string name = 1; }
message ListGadgetsRequest { string parent = 1; string page_token = 3; string filter = 4; }
message ListGadgetsResponse { repeated Gadget gadgets = 1; string next_page_token = 2; }
message CreateGadgetRequest { string parent = 1; string gadget_id = 2; Gadget gadget = 3; string request_id = 5; }
message UpdateGadgetRequest { Gadget gadget = 1; google.protobuf.FieldMask update_mask = 2; string request_id = 4; }
message DeleteGadgetRequest { string name = 1; bool when_unreferenced = 3; string request_id = 5; }
"""
CONFIGURATION = """
resource "headgate_vpc" "shop" {
  name = "shop"
}
resource "headgate_gadget" "one" {
  name  = "one"
  vpc   = headgate_vpc.shop.id
  size  = "extra_large"
  parts = { wheel = { weight = 3 }, axle = { weight = 9007199254740993, serial = "A-1" } }
  ports = [443, 80]
  shelf = { weight = 1 }
}
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("added")
    file = root / "headgate_added/gadget.proto"
    file.parent.mkdir()
    file.write_text(SOURCE)
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", f"-I{PROTO}", f"--python_out={root}", str(file)]
    subprocess.run(command, check=True)
    return root


@pytest.fixture
def environment(environment: dict[str, str], generated: Path) -> dict[str, str]:
    return environment | {"HEADGATE_EXTRA_PROTOS": MODULE, "PYTHONPATH": str(generated)}


@pytest.fixture
def backend(generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.syspath_prepend(generated)
    api = Backend(kinds=load_kinds([MODULE]))
    server = api.serve(f"unix:{tmp_path}/api.sock")
    yield api
    server.stop(None).wait()


def test_a_kind_added_by_a_proto_file_has_the_whole_life_of_a_resource(terraform: Terraform, backend: Backend) -> None:
    name = "projects/default/vpcs/shop/gadgets/one"
    terraform.apply(CONFIGURATION)
    assert backend.objects[name].parts["axle"].weight == 2**53 + 1
    terraform.assert_settled()
    terraform.apply(
        CONFIGURATION.replace("shelf = { weight = 1 }", "wall = true").replace("[443, 80]", "[80, 443, 8080]")
    )
    assert backend.objects[name].WhichOneof("mount") == "wall"
    terraform.assert_settled()
    ids = {"headgate_vpc.shop": "projects/default/vpcs/shop", "headgate_gadget.one": name}
    (terraform.directory / "terraform.tfstate").unlink()
    for address, id_ in ids.items():
        terraform.run("import", "-no-color", address, id_)
    terraform.assert_settled()
    terraform.run("destroy", "-auto-approve", "-no-color")
    assert backend.names() == set()
