"""What shells are offered, asked as they ask."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cli_stand_in import StandIn

from command_line import CommandLine


@pytest.fixture
def complete(headgate: CommandLine, monkeypatch: pytest.MonkeyPatch) -> object:
    def offered(line: str) -> list[str]:
        monkeypatch.setenv("_HEADGATE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        printed = headgate()
        assert printed.status == 0, printed
        return printed.out.split()

    return offered


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("headgate des", ["describe"]),
        ("headgate get floating", ["floatingIps", "floating_ip"]),
        ("headgate get vpcs,host", ["vpcs,hosts", "vpcs,host"]),
        ("headgate get subnet b", ["bank/web"]),
        ("headgate get subnet projects/default/sub", ["projects/default/subnets/internet"]),
        ("headgate describe vp", ["vpcs", "vpc"]),
        ("headgate describe port ", ["shop/web/web1"]),
        ("headgate delete floating_ip w", ["web1"]),
        ("headgate -p other get vpc s", []),
        ("headgate get nonsense s", []),
        ("headgate host drain h", ["h1"]),
        ("headgate completion z", ["zsh"]),
    ],
)
def test_a_word_is_completed(complete: object, line: str, words: list[str]) -> None:
    assert complete(line) == words  # type: ignore[operator]


def test_a_controller_that_is_away_completes_to_nothing_and_says_nothing(
    complete: object, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headgate_cli.errors import UnreachableError

    def away(*_: object) -> None:
        raise UnreachableError("gone")

    monkeypatch.setattr(server, "call", away)
    assert complete("headgate get vpc s") == []  # type: ignore[operator]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_takes(headgate: CommandLine, shell: str) -> None:
    script = headgate("completion", shell).out
    assert "_HEADGATE_COMPLETE" in script
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
