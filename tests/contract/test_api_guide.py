"""docs/guide/api.md does what it says: every command and program in it is run, in order.

grpcurl itself is in no package that could be installed here; its commands are carried out by `buf curl`, which speaks
to the same reflection service, with the same methods and requests.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller

from api import Api

GUIDE = Path(__file__).parents[2] / "docs/guide/api.md"
ENDPOINT = "localhost:7443"


def blocks(language: str) -> list[str]:
    """Return the code blocks of the guide in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def test_every_grpcurl_command_of_the_guide_works(curl: Callable[..., str], api: Api, project: str) -> None:
    answers = {}
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line.replace("projects/demo", f"projects/{project}"))
        assert words[:2] == ["grpcurl", "-plaintext"], line
        match words[2:]:
            case ["-d", request, address, method]:
                answers[method] = json.loads(curl(f"/{method}", **json.loads(request)) or "{}")
            case [address, "list"]:
                assert "headgate.v1.IntentService" in curl("", "--list-services")
            case [address, "describe", symbol]:
                assert symbol.split(".")[-1].removesuffix("Service") in curl("", "--list-methods")
        assert address == ENDPOINT
    assert answers["headgate.v1.IntentService/AwaitRealised"]["realised"] is True
    assert [port["ip"] for port in answers["headgate.v1.PortService/ListPorts"]["ports"]] == ["10.1.0.77"]
    assert answers["headgate.v1.PortService/UpdatePort"]["description"] == "The new one"
    assert list(api.names(f"projects/{project}/")) == []


def test_the_python_of_the_guide_works(
    shared_controller: Controller, api: Api, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    listen: Any = shared_controller.settings["listen"]
    (program,) = blocks("python")
    program = program.replace("projects/demo", f"projects/{project}").replace(ENDPOINT, listen[1])
    exec(compile(program, str(GUIDE), "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("cidr CIDR_OVERLAP ")
    assert said[1:4] == [f"projects/{project}/vpcs/shop/subnets/web/ports/web{n} 10.1.0.{n + 2}" for n in range(3)]
    assert said[4:] == [
        f"projects/{project}/vpcs/shop{name} 1"
        for name in ("", "/subnets/web", *(f"/subnets/web/ports/web{n}" for n in range(3)))
    ]
    assert list(api.names(f"projects/{project}/")) == []
