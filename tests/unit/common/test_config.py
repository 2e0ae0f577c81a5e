"""Configuration: where values come from, and what is refused."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from headgate_common.config import ConfigError, doc, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    listen: str = doc("[::]:7443", "Where.")
    timeout: timedelta = doc(timedelta(seconds=15), "How long.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    uplinks: list[str] = doc([], "Devices.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    host: str = doc("", "Name.")
    workers: int = doc(2, "How many.")
    ratio: float = doc(0.5, "Share.")
    wait: bool = doc(False, "Whether.")
    controllers: list[str] = doc(["a"], "Which.")
    networks: dict[str, str] = doc({}, "Network to bridge.")
    link: Link = doc(Link(), "The stream.")
    bridges: dict[str, Bridge] = doc({}, "Bridges.")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def faults(path: Path | None = None, environ: dict[str, str] | None = None, **flags: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(Example, path, environ or {}, flags)
    return str(caught.value)


def test_without_any_source_every_key_has_its_default():
    assert load(Example, None, {}, {}) == Example()


def test_a_file_gives_every_type(tmp_path):
    path = write(
        tmp_path,
        'host="h1"\nworkers=4\nratio=1\nwait=true\ncontrollers=["x","y"]\n[networks]\np="b"\n'
        '[link]\ntimeout="250ms"\n[bridges.br-phy]\nuplinks=["eth1"]\n',
    )
    assert load(Example, path, {}, {}) == Example(
        host="h1",
        workers=4,
        ratio=1.0,
        wait=True,
        controllers=["x", "y"],
        networks={"p": "b"},
        link=Link(timeout=timedelta(milliseconds=250)),
        bridges={"br-phy": Bridge(uplinks=["eth1"])},
    )


def test_the_environment_wins_over_the_file_and_flags_over_both(tmp_path):
    path = write(tmp_path, 'host="file"\nworkers=1\n[link]\nlisten="file"\n')
    environ = {"HEADGATE_HOST": "environment", "HEADGATE_LINK_LISTEN": "environment", "HEADGATE_WORKERS": "3"}
    made = load(Example, path, environ, {"host": "flag", "link.listen": None})
    assert (made.host, made.link.listen, made.workers) == ("flag", "environment", 3)


def test_text_sources_give_every_type():
    environ = {
        "HEADGATE_WAIT": "yes",
        "HEADGATE_RATIO": "0.25",
        "HEADGATE_CONTROLLERS": "x, y",
        "HEADGATE_NETWORKS": "p=b,q=c",
        "HEADGATE_LINK_TIMEOUT": "2m",
    }
    assert load(Example, None, environ, {"workers": "7"}) == Example(
        wait=True,
        ratio=0.25,
        controllers=["x", "y"],
        networks={"p": "b", "q": "c"},
        link=Link(timeout=timedelta(minutes=2)),
        workers=7,
    )


def test_variables_that_name_no_key_are_left_to_others():
    assert load(Example, None, {"HEADGATE_ENDPOINTS": "x", "PATH": "y"}, {}) == Example()


@pytest.mark.parametrize(
    ("text", "name", "near"),
    [('hots="h1"', "hots", "host"), ('[link]\nlissten="x"', "link.lissten", "link.listen")],
)
def test_an_unknown_key_is_refused_and_the_nearest_offered(tmp_path, text, name, near):
    assert faults(write(tmp_path, text)) == f"{name}: there is no such key; did you mean {near}?"


def test_an_unknown_key_of_a_named_table_is_refused(tmp_path):
    assert "bridges.br-phy.uplink: there is no such key" in faults(write(tmp_path, '[bridges.br-phy]\nuplink="e"'))


def test_an_unknown_flag_is_refused():
    assert "hosts: there is no such key" in faults(None, hosts="x")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("host=3", "host: expected text in quotes; got 3."),
        ('workers="3"', "workers: expected a whole number; got '3'."),
        ("workers=true", "workers: expected a whole number; got True."),
        ("wait=1", "wait: expected true or false; got 1."),
        ('controllers="x"', 'controllers: expected a list of texts such as ["a", "b"]; got \'x\'.'),
        ("networks={p=1}", "networks: expected a table of texts such as { a = \"b\" }; got {'p': 1}."),
        ('link={timeout="soon"}', 'link.timeout: expected a duration such as "15s", "250ms" or "5m"; got \'soon\'.'),
        ("link=1", "link: expected a table, got 1; write it as [link]."),
    ],
)
def test_a_wrong_type_is_refused_with_field_rule_and_value(tmp_path, text, fault):
    assert faults(write(tmp_path, text)) == fault


def test_wrong_text_from_the_environment_is_refused():
    assert faults(environ={"HEADGATE_WORKERS": "many"}) == "workers: expected a whole number; got 'many'."
    assert "networks: expected a table" in faults(environ={"HEADGATE_NETWORKS": "provider"})


def test_all_faults_are_told_at_once(tmp_path):
    told = faults(write(tmp_path, "host=3\nwokers=1\n"), {"HEADGATE_RATIO": "half"})
    assert [line.split(":")[0] for line in told.splitlines()] == ["host", "wokers", "ratio"]


def test_a_file_that_is_missing_or_no_toml_is_refused(tmp_path):
    assert "No such file" in faults(tmp_path / "none.toml")
    assert "this is not TOML" in faults(write(tmp_path, "host"))


def test_instances_do_not_share_their_defaults():
    load(Example, None, {}, {}).controllers.append("b")
    assert load(Example, None, {}, {}).controllers == ["a"]
