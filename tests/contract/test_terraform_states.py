"""Terraform's states on the controller: what is acknowledged is kept, whole, and locks are Terraform's."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from copy import copy
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from controller_site import Controller, assert_sound, controlling
from http_client import Answer, ask
from hypothesis import given
from hypothesis import strategies as st
from token_site import READ_ONLY, TokenSite

from fuzzing import fuzzing
from headgate_lab.controller import free_port
from headgate_lab.waiting import wait_until
from terraform import Terraform

ROOT = "/terraform/state/shop"
HOLDER = {"ID": "0c5d", "Operation": "OperationTypeApply", "Who": "ann@desk", "Created": "2026-01-01T00:00:00Z"}
LOCK = json.dumps(HOLDER).encode()
KEY, OTHER_KEY = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
SECRET = "Tr0ub4dor-planted"


def state(serial: int, **more: Any) -> bytes:
    return json.dumps({"version": 4, "serial": serial, "lineage": "l", "outputs": {}, **more}).encode()


class Site:
    """A controller that serves states on TCP, where Terraform can reach them."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.path = f"{ROOT}/network"
        self.address = f"127.0.0.1:{free_port()}"
        self.controller = Controller(directory, **{"http_listen": [self.address], "require_tokens": False} | settings)

    def ask(self, method: str, path: str = "", body: bytes | None = None, **headers: str) -> Answer:
        """Ask for a path; for this test's own state if there is none, or only a query."""
        return ask(self.address, path if path.startswith("/") else self.path + path, method, body, headers)

    def post(self, body: bytes, path: str = "") -> int:
        return self.ask("POST", path, body).status

    def holder(self) -> Any:
        """Return what is said of who holds a state, once somebody does."""

        def rows() -> list[tuple[bytes]]:
            with sqlite3.connect(self.controller.database) as database:
                query = "SELECT holder FROM state_lock WHERE path = ?"
                return database.execute(query, (self.path.removeprefix("/terraform/state/"),)).fetchall()

        wait_until(lambda: bool(rows()), seconds=20, what="somebody to hold the lock")
        return json.loads(rows()[0][0])

    def backend(self, password: str = "") -> str:
        url = f"http://{self.address}{self.path}"
        proof = f'username = "x"\n password = "{password}"' if password else ""
        return f"""
            terraform {{
              backend "http" {{
                address        = "{url}"
                lock_address   = "{url}"
                unlock_address = "{url}"
                lock_method    = "LOCK"
                unlock_method  = "UNLOCK"
                retry_max      = 0
                {proof}
              }}
            }}
        """


@pytest.fixture(scope="module")
def shared(run_directory: Path) -> Iterator[Site]:
    found = Site(run_directory / "states")
    with controlling(found.controller):
        yield found


@pytest.fixture
def site(shared: Site) -> Site:
    """A controller that is shared, and a state of the test's own."""
    own = copy(shared)
    own.path = f"{ROOT}/{secrets.token_hex(4)}/network"
    return own


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    own = {"HOME": str(tmp_path), "TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1"}
    directory = tmp_path / "configuration"
    directory.mkdir()
    return Terraform(directory, kept | own)


def configured(terraform: Terraform, site: Site, *resources: str) -> Terraform:
    text = "\n".join([site.backend(), *resources])
    (terraform.directory / "main.tf").write_text(text)
    terraform.run("init", "-no-color")
    return terraform


def sleeper(seconds: int) -> str:
    return f"""
        resource "terraform_data" "slow" {{
          provisioner "local-exec" {{
            command = "sleep {seconds}"
          }}
        }}
    """


def thing(name: str = "one", value: str = "x") -> str:
    return f'resource "terraform_data" "{name}" {{ input = "{value}" }}'


# --- the real terraform -----------------------------------------------------------------------------------------------


def test_terraform_initialises_applies_plans_empty_and_destroys_on_it(site: Site, terraform: Terraform) -> None:
    configured(terraform, site, thing())
    terraform.run("apply", "-auto-approve", "-no-color")
    terraform.assert_settled()
    assert not (terraform.directory / "terraform.tfstate").exists()
    assert [r["name"] for r in site.ask("GET").json["resources"]] == ["one"]
    terraform.run("destroy", "-auto-approve", "-no-color")
    assert site.ask("GET").json["resources"] == []
    assert site.ask("LOCK", body=LOCK).status == 200, "no lock is left"


def test_a_second_run_at_the_same_time_is_told_who_holds_the_lock(site: Site, terraform: Terraform) -> None:
    configured(terraform, site, thing(), sleeper(30))
    with running(terraform):
        holder = site.holder()
        said = terraform.run("plan", "-no-color", expect=1)
        assert "Error acquiring the state lock" in said
        assert f"already locked: ID={holder['ID']}" in " ".join(said.split())
        assert holder["Operation"] == "OperationTypeApply"
        assert "@" in holder["Who"]


def test_after_kill_9_the_lock_stays_until_it_is_forced_and_nothing_is_lost(site: Site, terraform: Terraform) -> None:
    configured(terraform, site, thing())
    terraform.run("apply", "-auto-approve", "-no-color")
    (terraform.directory / "main.tf").write_text("\n".join([site.backend(), thing(), thing("two"), sleeper(30)]))
    with running(terraform):
        holder = site.holder()["ID"]
    assert "already locked" in terraform.run("plan", "-no-color", expect=1)
    (terraform.directory / "main.tf").write_text("\n".join([site.backend(), thing(), thing("two")]))
    terraform.run("force-unlock", "-force", "-no-color", holder)
    terraform.run("apply", "-auto-approve", "-no-color")
    terraform.assert_settled()
    assert {r["name"] for r in site.ask("GET").json["resources"]} == {"one", "two"}


def test_an_earlier_version_is_restored_by_terraform_itself(site: Site, terraform: Terraform) -> None:
    for value in ("first", "second"):
        configured(terraform, site, thing(value=value))
        terraform.run("apply", "-auto-approve", "-no-color")
    versions = site.ask("GET", "?versions").json
    good = next(v["version"] for v in versions if b"first" in site.ask("GET", f"?version={v['version']}").body)
    (terraform.directory / "old.tfstate").write_bytes(site.ask("GET", f"?version={good}").body)
    terraform.run("state", "push", "-force", "old.tfstate")
    assert site.ask("GET").json["resources"][0]["instances"][0]["attributes"]["input"]["value"] == "first"


class running:
    """Applies while the block runs, then dies by kill -9."""

    def __init__(self, terraform: Terraform) -> None:
        self._process = subprocess.Popen(
            ["terraform", "apply", "-auto-approve", "-no-color"],
            cwd=terraform.directory,
            env=terraform.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


# --- states and versions ----------------------------------------------------------------------------------------------


def test_a_state_that_was_never_written_is_not_there(site: Site) -> None:
    answer = site.ask("GET")
    assert (answer.status, answer.text) == (404, f"There is no state {site.path.removeprefix('/terraform/state/')}.\n")
    assert site.ask("GET", "?versions").json == []


def test_the_last_ten_versions_are_kept_and_can_be_read(site: Site) -> None:
    for serial in range(1, 13):
        assert site.post(state(serial)) == 200
    versions = site.ask("GET", "?versions").json
    assert [v["serial"] for v in versions] == list(range(12, 2, -1))
    assert site.ask("GET", f"?version={versions[-1]['version']}").body == state(3)
    assert site.ask("GET", "?version=2").status == 404
    assert site.ask("GET").body == state(12)


def test_the_same_state_sent_again_makes_no_new_version(site: Site) -> None:
    assert [site.post(state(1)), site.post(state(1))] == [200, 200]
    assert len(site.ask("GET", "?versions").json) == 1


def test_a_deleted_state_is_gone_but_its_versions_stay_until_they_are_purged(site: Site) -> None:
    site.post(state(1))
    assert site.ask("DELETE").status == 200
    assert site.ask("GET").status == 404
    assert site.ask("GET", "?version=1").body == state(1)
    assert site.ask("DELETE", "?purge").status == 200
    assert site.ask("GET", "?version=1").status == 404


def test_states_of_different_paths_do_not_meet(site: Site) -> None:
    paths = ["/terraform/state/shop/a", "/terraform/state/shop/a/b", "/terraform/state/bank/a"]
    for serial, path in enumerate(paths):
        assert site.post(state(serial), path) == 200
    assert [site.ask("GET", path).json["serial"] for path in paths] == [0, 1, 2]


def test_states_touch_neither_the_log_nor_the_revision(site: Site) -> None:
    site.post(state(1))
    with sqlite3.connect(site.controller.database) as database:
        assert database.execute("SELECT count(*) FROM revision").fetchone() == (0,)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/terraform/state/Shop/a", 400, "The project 'Shop' must have lower-case letters"),
        ("/terraform/state/shop/", 400, "The name of a state has letters"),
        ("/terraform/state/shop/a/../b", 400, "The name of a state has letters"),
        ("/terraform/state/shop/a%00", 400, "The name of a state has letters"),
        (f"/terraform/state/shop/{'a' * 201}", 400, "at most 200"),
        ("?version=x", 400, "no number of a version"),
        ("?version=0", 400, "no number of a version"),
        ("?version=99999999999999999999999", 400, "no number of a version"),
        ("?version=%C2%B2", 400, "no number of a version"),
    ],
)
def test_a_path_or_version_that_is_none_is_refused_in_words(site: Site, path: str, status: int, words: str) -> None:
    answer = site.ask("GET", path)
    assert (answer.status, words in answer.text) == (status, True), answer.text


def test_a_state_changed_on_its_way_is_refused(site: Site) -> None:
    right = base64.b64encode(md5(state(1)).digest()).decode()
    assert site.ask("POST", body=state(2), **{"Content-MD5": right}).status == 400
    assert site.ask("GET").status == 404
    assert site.ask("POST", body=state(1), **{"Content-MD5": right}).status == 200
    assert site.ask("GET").headers["content-md5"] == right


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", state(1)[:-1]])
def test_what_is_no_state_is_refused_and_the_old_one_stays(site: Site, body: bytes) -> None:
    site.post(state(1))
    answer = site.ask("POST", body=body)
    assert (answer.status, "A state is a JSON object" in answer.text) == (400, True)
    assert site.ask("GET").body == state(1)


def test_a_state_that_is_too_large_is_refused_in_words(site: Site) -> None:
    answer = site.ask("POST", body=state(1, padding="x" * (64 * 1024 * 1024)))
    assert answer.status == 413
    assert "more than 67108864 bytes" in answer.text
    assert site.post(state(1, padding="x" * (8 * 1024 * 1024))) == 200


# --- locks ------------------------------------------------------------------------------------------------------------


def test_who_comes_second_is_told_of_the_holder_in_json(site: Site) -> None:
    assert site.ask("LOCK", body=LOCK).status == 200
    answer = site.ask("LOCK", body=json.dumps(HOLDER | {"ID": "1", "Who": "bob@desk"}).encode())
    assert (answer.status, answer.json) == (423, HOLDER)


def test_the_same_holder_may_ask_again_since_the_first_answer_may_be_lost(site: Site) -> None:
    assert [site.ask("LOCK", body=LOCK).status for _ in range(2)] == [200, 200]
    assert [site.ask("UNLOCK", body=LOCK).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("query", ["", "?ID=1"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_the_holder_changes_a_locked_state(site: Site, method: str, query: str) -> None:
    site.post(state(1))
    site.ask("LOCK", body=LOCK)
    answer = site.ask(method, query, state(2))
    assert (answer.status, answer.json) == (423, HOLDER)
    assert site.ask("GET").body == state(1)
    assert site.ask(method, f"?ID={HOLDER['ID']}", state(2)).status == 200


def test_only_who_knows_the_id_unlocks(site: Site) -> None:
    site.ask("LOCK", body=LOCK)
    answer = site.ask("UNLOCK", body=b'{"ID": "1"}')
    assert (answer.status, answer.json) == (423, HOLDER)
    assert site.ask("UNLOCK", body=json.dumps({"ID": HOLDER["ID"]}).encode()).status == 200
    assert site.ask("LOCK", body=b'{"ID": "1"}').status == 200


def test_a_run_whose_lock_was_forced_open_cannot_overwrite_the_next(site: Site) -> None:
    site.ask("LOCK", body=LOCK)
    site.ask("UNLOCK", body=LOCK)
    answer = site.ask("POST", f"?ID={HOLDER['ID']}", state(2))
    assert answer.status == 409
    assert "not locked by 0c5d any more" in answer.text
    assert site.ask("GET").status == 404


@pytest.mark.parametrize("body", [b"{}", b'{"ID": ""}', b'{"ID": 7}', b"[]", b"\x00", b'{"ID": "a'])
@pytest.mark.parametrize("method", ["LOCK", "UNLOCK"])
def test_a_lock_without_an_id_is_refused(site: Site, method: str, body: bytes) -> None:
    answer = site.ask(method, body=body)
    assert (answer.status, 'an "ID"' in answer.text) == (400, True)
    assert site.ask("LOCK", body=b"").status == 400


def test_one_of_many_gets_the_lock(site: Site) -> None:
    statuses: list[int] = []

    def contend(number: int) -> None:
        statuses.append(site.ask("LOCK", body=json.dumps({"ID": f"run-{number}"}).encode()).status)

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [423] * 11


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_controller_killed_while_states_are_written_keeps_the_old_or_the_new_one_whole(run_directory: Path) -> None:
    site = Site(run_directory / "killed")
    padding = "x" * 3_000_000
    acknowledged = 0
    for life in range(6):
        site.controller.start()
        kept = site.ask("GET")
        found = kept.json["serial"] if kept.status == 200 else 0
        assert acknowledged <= found <= acknowledged + 1
        assert found == 0 or kept.body == state(found, padding=padding)
        acknowledged = found
        timer = threading.Timer(0.05 + 0.06 * life, site.controller.kill)
        timer.start()
        try:
            while site.post(state(acknowledged + 1, padding=padding)) == 200:
                acknowledged += 1
        except OSError:
            pass
        timer.join()
    assert acknowledged > 0, "nothing was ever acknowledged"


def test_a_full_disk_refuses_the_state_in_words_and_keeps_the_old_one(run_directory: Path) -> None:
    directory = run_directory / "full"
    directory.mkdir()
    site = Site(directory)
    config = site.controller.configure()
    mount = f"mount -t tmpfs -o size=3m tmpfs {directory}/small"
    (directory / "small").mkdir()
    config.write_text(config.read_text().replace(f"{directory}/headgate.db", f"{directory}/small/headgate.db"))
    with (directory / "controller.log").open("ab") as log:
        process = subprocess.Popen(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", f"{mount} && exec {controller_command(config)}"],
            stdout=log,
            stderr=log,
        )
    try:
        site.controller.process = process
        site.controller.await_said(" ready ")
        assert site.post(state(1)) == 200
        statuses = [site.post(state(serial, padding="x" * 900_000)) for serial in range(2, 7)]
        answer = site.ask("POST", body=state(9, padding="x" * 900_000))
        assert answer.status == 507
        assert "Make room on the disk that the database lies on" in answer.text
        assert site.ask("GET").json["serial"] == 1 + statuses.count(200)
    finally:
        process.terminate()
        process.wait()
    assert_sound(site.controller)


def controller_command(config: Path) -> str:
    return f"{sys.executable} -m headgate_controller --config {config}"


@fuzzing(300)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "LOCK", "UNLOCK", "DELETE", "PATCH", "HEAD", "OPTIONS", "X"]),
    path=st.one_of(
        st.text("abA0/.%?&=-_~ ID", max_size=30).map(lambda t: f"{ROOT}/fuzzed{t}"),
        st.sampled_from(["", "?ID=0c5d", "?version=1", "?versions", "?purge"]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(lambda t: f"/{t}"),
    ),
    body=st.one_of(
        st.none(),
        st.binary(max_size=200),
        st.sampled_from([LOCK, state(1), b'{"serial": 99999999999999999999999}', b'{"serial": -1}', b"[" * 100_000]),
    ),
    headers=st.dictionaries(
        st.sampled_from(["Content-MD5", "Authorization", "Content-Type", "X-Forwarded-For", "Expect"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
        max_size=3,
    ),
)
def test_no_request_breaks_the_server_and_no_acknowledged_state_is_lost(
    fuzzed: Site, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> None:
    safe = "/terraform/state/safe/kept"
    answer = fuzzed.ask(method, path.replace(" ", "%20"), body, **headers)
    assert answer.status < 500, answer.text
    assert b"Traceback" not in answer.body
    assert fuzzed.ask("GET", safe).body == state(7)


@pytest.fixture(scope="module")
def fuzzed(run_directory: Path) -> Iterator[Site]:
    site = Site(run_directory / "fuzzed")
    with controlling(site.controller):
        assert site.post(state(7), "/terraform/state/safe/kept") == 200
        yield site


# --- callers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(run_directory: Path) -> Iterator[Site]:
    directory = run_directory / "guarded"
    site = Site(directory, require_tokens=True)
    site.controller.settings["http_listen"] = [site.address, site.controller.http]
    with controlling(site.controller):
        yield site


@pytest.fixture
def tokens(guarded: Site) -> Iterator[TokenSite]:
    found = TokenSite(guarded.controller, guarded.address)
    yield found
    found.close()


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'anybody:{secret}'.encode()).decode()}"}


def test_terraform_proves_itself_with_a_token_as_password(
    guarded: Site, tokens: TokenSite, terraform: Terraform
) -> None:
    (terraform.directory / "main.tf").write_text(guarded.backend(tokens.token("shop")[1]) + thing())
    terraform.run("init", "-no-color")
    terraform.run("apply", "-auto-approve", "-no-color")
    terraform.assert_settled()
    (terraform.directory / "main.tf").write_text(guarded.backend("hg_deadbeef_00") + thing())
    assert "requires auth" in terraform.run("init", "-reconfigure", "-no-color", expect=1)


@pytest.mark.parametrize("method", ["GET", "POST", "LOCK", "UNLOCK", "DELETE", "HEAD"])
def test_without_a_token_nothing_is_answered_on_tcp(guarded: Site, method: str) -> None:
    answer = guarded.ask(method, body=state(1))
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="headgate"'
    assert method == "HEAD" or "A token is needed" in answer.text


@pytest.mark.parametrize("header", ["Bearer x", "Basic x", "Basic eDp5", "Basic /////w==", "Digest x", "Bearer", ""])
def test_what_is_no_token_is_refused(guarded: Site, header: str) -> None:
    assert guarded.ask("GET", Authorization=header).status == 401


def test_a_token_counts_in_its_projects_only_and_one_to_read_changes_nothing(guarded: Site, tokens: TokenSite) -> None:
    path = "/terraform/state/bank/x"
    own, other = (basic(tokens.token(project)[1]) for project in ("bank", "shop"))
    reading = basic(tokens.token("bank", access=READ_ONLY)[1])
    assert guarded.ask("POST", path, state(1), **own).status == 200
    assert guarded.ask("GET", path, **other).status == 403
    assert guarded.ask("GET", path, **reading).body == state(1)
    for method in ("POST", "LOCK", "UNLOCK", "DELETE"):
        answer = guarded.ask(method, path, state(2), **reading)
        assert (answer.status, "may not change project bank" in answer.text) == (403, True)
    assert guarded.ask("GET", path, **own).body == state(1)


def test_whoever_can_open_the_unix_socket_needs_no_token_and_only_its_owner_can(guarded: Site) -> None:
    socket_file = guarded.controller.http
    assert ask(socket_file, "/terraform/state/local/x", "POST", state(1)).status == 200
    assert Path(socket_file.removeprefix("unix:")).stat().st_mode & 0o777 == 0o600


def test_failed_attempts_are_logged_without_what_was_tried(guarded: Site) -> None:
    tried = f"hg_deadbeef_{secrets.token_hex(32)}"
    guarded.ask("GET", **basic(tried))
    wait_until(lambda: "authentication failed" in guarded.controller.said(), seconds=5, what="a line in the log")
    assert tried not in guarded.controller.said()


# --- at rest ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def keyed(run_directory: Path) -> Site:
    directory = run_directory / f"k{secrets.token_hex(4)}"
    directory.mkdir()
    return Site(directory, state_key_file=str(directory / "state.key"))


def keys(site: Site, *lines: str) -> None:
    file = Path(str(site.controller.settings["state_key_file"]))
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o600)


def at_rest(site: Site) -> bytes:
    """Return every byte of the database's files."""
    return b"".join(file.read_bytes() for file in site.controller.database.parent.glob("headgate.db*"))


def test_with_a_key_a_state_is_not_in_clear_text_on_disk(keyed: Site) -> None:
    keys(keyed, "# made in January", KEY)
    with controlling(keyed.controller):
        assert keyed.post(state(1, secret=SECRET)) == 200
        assert keyed.ask("GET").json["secret"] == SECRET
    assert SECRET.encode() not in at_rest(keyed)


def test_states_are_sealed_anew_when_a_key_comes_on_top_and_the_old_one_may_go(keyed: Site) -> None:
    for lines in ([KEY], [OTHER_KEY, KEY], [OTHER_KEY]):
        keys(keyed, *lines)
        with controlling(keyed.controller):
            if lines == [KEY]:
                keyed.post(state(1, secret=SECRET))
            assert keyed.ask("GET").json["secret"] == SECRET
            if len(lines) == 2:
                keyed.controller.await_said("states sealed versions=1")


def test_states_written_before_there_was_a_key_are_sealed_once_there_is_one(keyed: Site) -> None:
    key_file = keyed.controller.settings["state_key_file"]
    keyed.controller.settings["state_key_file"] = ""
    with controlling(keyed.controller):
        keyed.post(state(1, secret=SECRET))
    keyed.controller.settings["state_key_file"] = key_file
    keys(keyed, KEY)
    with controlling(keyed.controller):
        keyed.controller.await_said("states sealed")
        assert keyed.ask("GET").json["secret"] == SECRET
        with sqlite3.connect(keyed.controller.database) as database:
            (content,) = database.execute("SELECT content FROM state_version").fetchone()
        assert SECRET.encode() not in content


@pytest.mark.parametrize("later", [[OTHER_KEY], []])
def test_a_state_whose_key_is_not_there_is_refused_naming_the_key_and_stays(keyed: Site, later: list[str]) -> None:
    keys(keyed, KEY)
    with controlling(keyed.controller):
        keyed.post(state(1))
    keys(keyed, *later)
    if not later:
        keyed.controller.settings["state_key_file"] = ""
    keyed.controller.start()
    try:
        answer = keyed.ask("GET")
        assert answer.status == 409
        assert "which is not in state_key_file; add the line that holds it" in answer.text
        keyed.controller.await_said("states unreadable")
        assert keyed.post(state(2)) == 200, "what is new can be written all the same"
    finally:
        keyed.controller.stop()
    assert "Traceback" not in keyed.controller.said()


def test_a_sealed_state_that_was_changed_in_the_database_is_refused(keyed: Site) -> None:
    keys(keyed, KEY)
    with controlling(keyed.controller):
        keyed.post(state(1))
        keyed.post(state(2))
        with sqlite3.connect(keyed.controller.database) as database:
            database.execute(
                "UPDATE state_version SET content = (SELECT content FROM state_version WHERE version = 1) "
                "WHERE version = 2"
            )
        answer = keyed.ask("GET")
        assert (answer.status, "is not what was sealed" in answer.text) == (409, True)


def test_a_key_file_that_is_not_there_is_named(keyed: Site) -> None:
    keyed.controller.launch()
    assert keyed.controller.status() == 1
    assert "state.key cannot be read: No such file or directory" in keyed.controller.said()


def test_time_of_a_version_is_when_it_was_written(site: Site) -> None:
    before = time.time()
    site.post(state(1))
    (version,) = site.ask("GET", "?versions").json
    assert version["time"] >= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before))
    assert (version["size"], version["sealed"], version["deleted"]) == (len(state(1)), False, False)
