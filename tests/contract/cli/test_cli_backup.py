"""`headgate backup` and `headgate restore` against real controllers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from controller_site import Central, Controller, central, controlling

from api import Api
from command_line import CommandLine
from headgate_lab.waiting import wait_until


@pytest.fixture
def empty(run_directory: Path) -> Iterator[Controller]:
    """A controller that holds nothing, and sees a Northbound of its own."""
    with central(run_directory / "cli-restore-ovn") as ovn, controlling(_made(run_directory, ovn)) as controller:
        controller.await_said("northbound synchronised")
        yield controller


def _made(run_directory: Path, ovn: Central) -> Controller:
    return Controller(run_directory / "cli-restore", ovn)


def test_what_was_backed_up_is_restored_and_the_file_is_private(
    headgate: CommandLine, shop: Path, empty: Controller, tmp_path: Path, project: str
) -> None:
    assert headgate("apply", "-f", str(shop), "--yes", "--no-wait").status == 0
    file = tmp_path / "site.backup"
    made = headgate("backup", str(file))
    assert made.status == 0, made.err
    assert made.out.startswith(f"{file} holds revision ")
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("*.partial")) == []
    restored = headgate("restore", str(file), "--endpoint", empty.api)
    assert restored.status == 0, restored.err
    assert restored.out.startswith("The controller begins anew with revision ")
    empty.await_said("begun anew")
    wait_until(lambda: " ready " in empty.said().rpartition("begun anew")[2], seconds=20, what="the controller ready")
    api = Api(empty.api)
    assert f"projects/{project}/vpcs/shop" in list(api.names(f"projects/{project}/"))
    api.close()


def test_a_restore_over_something_is_refused_with_status_1(headgate: CommandLine, shop: Path, tmp_path: Path) -> None:
    headgate("apply", "-f", str(shop), "--yes", "--no-wait")
    file = tmp_path / "site.backup"
    headgate("backup", str(file))
    printed = headgate("restore", str(file))
    assert printed.status == 1
    assert "which a backup would replace" in printed.err


def test_a_file_that_is_there_is_not_overwritten_and_one_that_is_not_is_named(
    headgate: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "site.backup"
    file.write_text("precious")
    printed = headgate("backup", str(file))
    assert (printed.status, "is there already" in printed.err) == (2, True)
    assert file.read_text() == "precious"
    assert headgate("restore", str(tmp_path / "none")).status == 2
    assert headgate("backup", str(tmp_path / "none" / "site.backup")).status == 1
    printed = headgate("restore", str(file))
    assert (printed.status, "The backup cannot be read" in printed.err) == (1, True)
