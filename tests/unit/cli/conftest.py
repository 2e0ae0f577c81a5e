"""The command line against a stand-in for a controller; neither sockets nor the user's environment."""

import pytest
from cli_stand_in import StandIn, shop

from command_line import CommandLine


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    for name in ("HEADGATE_ENDPOINTS", "HEADGATE_PROJECT", "HEADGATE_EXTRA_PROTOS", "HEADGATE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return shop()


@pytest.fixture
def headgate(server: StandIn, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys, server.dial)
