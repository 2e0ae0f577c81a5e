"""`headgate edit` against a real controller, with a program in the editor's place."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api import Api
from command_line import CommandLine

Rewrite = Callable[..., Path]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rewrite:
    """Makes an editor that keeps what it was shown in files, and then runs a line of Python for each time."""

    def made(*turns: str) -> Path:
        script = tmp_path / "editor"
        script.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, sys\n"
            f"turns, shown = {turns!r}, pathlib.Path({str(tmp_path)!r})\n"
            "turn = len(list(shown.glob('shown-*')))\n"
            "file = pathlib.Path(sys.argv[1])\n"
            "text = file.read_text()\n"
            "(shown / f'shown-{turn}').write_text(text)\n"
            "exec(turns[turn])\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("EDITOR", str(script))
        monkeypatch.delenv("VISUAL", raising=False)
        return tmp_path

    return made


def rewriting(old: str, new: str) -> str:
    return f"file.write_text(text.replace({old!r}, {new!r}))"


LEFT = "pass"


@pytest.fixture
def subnet(api: Api, project: str) -> str:
    api.create(f"projects/{project}/vpcs/shop")
    made = api.create(f"projects/{project}/vpcs/shop/subnets/web", cidr="10.1.0.0/24", description="Front")
    return str(made.name)


def test_what_is_saved_is_applied_and_shown(headgate: CommandLine, api: Api, subnet: str, editor: Rewrite) -> None:
    editor(rewriting("Front", "Back"))
    printed = headgate("edit", "subnet", "web")
    assert printed.out == f"  ~ description: Front → Back\n{subnet} is changed.\n"
    assert api.get(subnet).description == "Back"


def test_leaving_without_saving_changes_nothing(headgate: CommandLine, api: Api, subnet: str, editor: Rewrite) -> None:
    editor(LEFT)
    before = api.get(subnet).etag
    assert headgate("edit", "subnet", "web").out == f"{subnet} is as it was.\n"
    assert api.get(subnet).etag == before


def test_only_what_can_be_set_is_shown(headgate: CommandLine, subnet: str, editor: Rewrite) -> None:
    shown = editor(LEFT)
    headgate("edit", "subnet", "web")
    assert (shown / "shown-0").read_text() == (
        "#! Save and leave to apply; leave without a change to give up.\n"
        f"kind: subnet\nname: {subnet}\ndescription: Front\ncidr: 10.1.0.0/24\ngateway: 10.1.0.1\n"
    )


def test_a_refusal_comes_back_as_comments_and_mended_it_is_applied(
    headgate: CommandLine, api: Api, subnet: str, editor: Rewrite
) -> None:
    shown = editor(
        rewriting("Front", "Back # mine\ndomain_name: not a domain"),
        rewriting("not a domain", "shop.example"),
    )
    assert headgate("edit", "subnet", "web").status == 0
    second = (shown / "shown-1").read_text().splitlines()
    assert second[0] == "#! Refused:"
    assert not [line for line in second if "Save and leave" in line], "what was said before is gone"
    assert second[1].startswith("#!   domain_name: 'not a domain'")
    assert "description: Back # mine" in second, "the user's own comments stay"
    assert api.get(subnet).domain_name == "shop.example"


def test_a_text_that_cannot_be_read_comes_back_with_the_line(
    headgate: CommandLine, subnet: str, editor: Rewrite
) -> None:
    shown = editor(rewriting("cidr:", "cdir:"), rewriting("cdir:", "cidr:"))
    assert headgate("edit", "subnet", "web").status == 0
    assert (shown / "shown-1").read_text().startswith("#! line 4 below: There is no field 'cdir'; did you mean cidr?\n")


def test_giving_up_after_a_refusal_loses_nothing(headgate: CommandLine, api: Api, subnet: str, editor: Rewrite) -> None:
    editor(rewriting("cidr: 10.1.0.0/24", "cidr: 10.2.0.0/24"), LEFT)
    printed = headgate("edit", "subnet", "web")
    assert printed.status == 1
    assert "cannot change after creation" in printed.err
    kept = Path(printed.err.splitlines()[-1].rpartition(" -f ")[2])
    assert "cidr: 10.2.0.0/24" in kept.read_text()
    assert api.get(subnet).cidr == "10.1.0.0/24"


def test_a_program_that_saves_the_same_refused_text_for_ever_ends(
    headgate: CommandLine, subnet: str, editor: Rewrite
) -> None:
    shown = editor(*[rewriting("10.1.0.0/24", "10.2.0.0/24")] * 9)
    assert headgate("edit", "subnet", "web").status == 1
    assert len(list(shown.glob("shown-*"))) == 2


def test_c14_what_somebody_else_changed_meanwhile_is_shown_and_stays(
    headgate: CommandLine, api: Api, subnet: str, editor: Rewrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headgate_cli import editing

    shown = editor(rewriting("Front", "Mine"), "file.write_text(text)")
    turns = iter([{"display_name": "Theirs"}])

    def overtaken(file: Path, run: Callable[[Path], None] = editing.run_editor) -> None:
        run(file)
        for fields in turns:
            api.update(subnet, **fields)
            break

    monkeypatch.setattr(editing, "run_editor", overtaken)
    assert headgate("edit", "subnet", "web").status == 0
    assert "#!   + display_name: Theirs\n" in (shown / "shown-1").read_text()
    after = api.get(subnet)
    assert (after.description, after.display_name) == ("Mine", "Theirs")


def test_an_editor_that_is_not_there_or_fails_is_said_to(
    headgate: CommandLine, subnet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "no-such-editor --wait")
    assert "set EDITOR" in headgate("edit", "subnet", "web").err
    monkeypatch.setenv("EDITOR", "false")
    assert "ended with 1. Nothing was changed" in headgate("edit", "subnet", "web").err
