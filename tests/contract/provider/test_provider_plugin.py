"""The provider as a program: installed, started and stopped by terraform, with controllers that come and go."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from grpc import StatusCode
from provider_backend import Backend, Refused

from headgate_terraform.certificate import load_certificate
from headgate_terraform.install import LAUNCHER, install, uninstall
from terraform import Terraform

VPC = 'resource "headgate_vpc" "shop" {\n  name = "shop"\n}\n'


def await_(condition: Callable[[], object], seconds: float = 15) -> None:
    """Return once `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def leftovers(directory: str) -> list[Path]:
    return list(Path(directory).iterdir())


@contextmanager
def running(terraform: Terraform, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Terraform in a process group of its own, as in a terminal."""
    with subprocess.Popen(
        ["terraform", *arguments, "-no-color"],
        cwd=terraform.directory,
        env=terraform.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def test_an_installed_provider_is_found_started_and_leaves_nothing(
    installed_terraform: Terraform, installed_provider: dict[str, str], backend: Backend
) -> None:
    installed_terraform.write(VPC)
    installed_terraform.run("init", "-no-color")
    installed_terraform.apply()
    installed_terraform.assert_settled()
    installed_terraform.run("destroy", "-auto-approve", "-no-color")
    assert backend.names() == set()
    assert leftovers(installed_provider["PLUGIN_UNIX_SOCKET_DIR"]) == []


def test_a_directory_whose_path_is_too_long_for_a_socket_is_passed_over(
    installed_terraform: Terraform, tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    installed_terraform.environment |= {"PLUGIN_UNIX_SOCKET_DIR": str(deep), "TMPDIR": str(deep)}
    installed_terraform.write(VPC)
    installed_terraform.run("init", "-no-color")
    assert "1 to add" in installed_terraform.run("plan", "-no-color")


def test_the_lock_file_still_fits_after_the_program_changed(installed_terraform: Terraform) -> None:
    installed_terraform.write(VPC)
    installed_terraform.run("init", "-no-color")
    installed_terraform.environment["HEADGATE_TF_PROVIDER"] = "/nonexistent"
    installed_terraform.environment["PATH"] += f":{Path(sys.executable).parent}"
    installed_terraform.run("init", "-no-color")
    installed_terraform.apply()


def test_a_program_that_is_nowhere_is_named(installed_terraform: Terraform) -> None:
    installed_terraform.write(VPC)
    installed_terraform.run("init", "-no-color")
    installed_terraform.environment["HEADGATE_TF_PROVIDER"] = ""
    terraform_only = installed_terraform.directory / "bin"
    terraform_only.mkdir()
    for tool in ("terraform", "sh"):
        (terraform_only / tool).symlink_to(shutil.which(tool) or "")
    installed_terraform.environment["PATH"] = str(terraform_only)
    assert "HEADGATE_TF_PROVIDER" in installed_terraform.run("plan", "-no-color", expect=1)


def test_installing_twice_changes_nothing_and_uninstalling_leaves_nothing(tmp_path: Path) -> None:
    first = install(tmp_path)
    assert install(tmp_path) == first
    assert first.read_text() == LAUNCHER
    assert os.access(first, os.X_OK)
    # Terraform's checksum covers every file in the directory.
    assert [p.name for p in first.parent.iterdir()] == [first.name]
    uninstall(tmp_path)
    assert not first.exists()


def test_a_curious_user_is_told_what_the_program_is(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headgate_terraform"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "headgate terraform install" in done.stdout


def test_ctrl_c_while_waiting_keeps_the_resource_and_ends_soon(
    installed_terraform: Terraform, installed_provider: dict[str, str], backend: Backend
) -> None:
    backend.realising = threading.Event()
    installed_terraform.write(VPC)
    installed_terraform.run("init", "-no-color")
    with running(installed_terraform, "apply", "-auto-approve") as process:
        await_(lambda: backend.requested("AwaitRealised"))
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=5)
    backend.realising.set()
    backend.realising = None
    assert "The wait was stopped" in output
    installed_terraform.assert_settled()
    assert leftovers(installed_provider["PLUGIN_UNIX_SOCKET_DIR"]) == []


def test_ctrl_c_during_a_create_leaves_no_orphan(installed_terraform: Terraform, backend: Backend) -> None:
    release = threading.Event()

    def hold(verb: str, _request: object) -> None:
        if verb == "Create":
            release.wait(10)

    backend.refuse = hold
    installed_terraform.write(VPC)
    installed_terraform.run("init", "-no-color")
    with running(installed_terraform, "apply", "-auto-approve") as process:
        await_(lambda: backend.requested("CreateVpc"))
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        while "Interrupt received" not in process.stdout.readline():
            assert process.poll() is None
        release.set()
        process.communicate(timeout=5)
    assert set(installed_terraform.state()) == {"headgate_vpc.shop"}
    installed_terraform.assert_settled()


def test_a_provider_whose_terraform_was_killed_ends_by_itself(
    installed_terraform: Terraform, installed_provider: dict[str, str], backend: Backend
) -> None:
    backend.realising = threading.Event()
    installed_terraform.write(VPC)
    installed_terraform.run("init", "-no-color")
    with running(installed_terraform, "apply", "-auto-approve") as process:
        await_(lambda: backend.requested("AwaitRealised"))
        process.kill()
        process.wait()
        await_(lambda: not leftovers(installed_provider["PLUGIN_UNIX_SOCKET_DIR"]))
    backend.realising.set()


def test_the_next_endpoint_is_asked_where_one_does_not_answer(
    terraform: Terraform, backend: Backend, tmp_path: Path
) -> None:
    endpoints = f'["unix:{tmp_path}/nobody.sock", "127.0.0.1:1", "unix:{tmp_path}/api.sock"]'
    terraform.apply(f'provider "headgate" {{\n  endpoints = {endpoints}\n}}\n{VPC}')
    assert backend.names() == {"projects/default/vpcs/shop"}


def test_a_controller_behind_tls_is_verified(terraform: Terraform, backend: Backend, tmp_path: Path) -> None:
    key, certificate = load_certificate(tmp_path / "controller")
    other = load_certificate(tmp_path / "other")[1]
    server = grpc.server(ThreadPoolExecutor(2))
    backend.register(server)
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    (tmp_path / "ca.pem").write_bytes(certificate)
    (tmp_path / "wrong.pem").write_bytes(other)
    provider = (
        'provider "headgate" {{\n  endpoints = ["localhost:{port}"]\n'
        '  tls = {{ ca_file = "{ca}" }}\n  deadline = "2s"\n}}\n'
    )
    terraform.write(provider.format(port=port, ca=tmp_path / "wrong.pem") + VPC)
    assert [summary for summary, _ in terraform.faults("apply", "-auto-approve")] == ["Unauthenticated"]
    said = " ".join(terraform.run("apply", "-auto-approve", "-no-color", expect=1).split())
    assert f"has a certificate that no CA in {tmp_path}/wrong.pem has signed: give the file of the CA" in said
    terraform.apply(provider.format(port=port, ca=tmp_path / "ca.pem") + VPC)
    server.stop(None).wait()


def test_a_controller_that_is_away_is_waited_for(terraform: Terraform, tmp_path: Path) -> None:
    late = Backend()
    terraform.write(f'provider "headgate" {{\n  endpoints = ["unix:{tmp_path}/late.sock"]\n}}\n{VPC}')
    with running(terraform, "apply", "-auto-approve") as process:
        assert process.stdout is not None
        while "Creating..." not in process.stdout.readline():
            assert process.poll() is None
        server = late.serve(f"unix:{tmp_path}/late.sock")
        output, _ = process.communicate(timeout=15)
    server.stop(None).wait()
    assert "1 added" in output


def test_a_controller_that_stays_away_is_given_up_at_the_deadline(terraform: Terraform, tmp_path: Path) -> None:
    terraform.write(
        f'provider "headgate" {{\n  endpoints = ["unix:{tmp_path}/never.sock"]\n  deadline = "500ms"\n}}\n{VPC}'
    )
    started = time.monotonic()
    assert [summary for summary, _ in terraform.faults("apply", "-auto-approve")] == ["Unavailable"]
    assert time.monotonic() - started < 5


def test_a_create_whose_answer_was_lost_is_not_made_twice(terraform: Terraform, backend: Backend) -> None:
    lost = iter([True])
    act = backend._act

    def answer(*arguments: object) -> object:
        made = act(*arguments)  # type: ignore[arg-type]
        if next(lost, False):
            raise Refused(StatusCode.UNAVAILABLE, "", "gone")
        return made

    backend._act = answer  # type: ignore[method-assign]
    terraform.apply(VPC)
    assert len({request.request_id for request in backend.requested("CreateVpc")}) == 1
    assert len(backend.requested("CreateVpc")) == 2


def test_ctrl_c_during_a_refresh_ends_soon_and_is_no_fault(installed_terraform: Terraform, backend: Backend) -> None:
    installed_terraform.write(VPC)
    installed_terraform.run("init", "-no-color")
    installed_terraform.apply()
    release = threading.Event()
    backend.requests.clear()

    def hold(_verb: str, _request: object) -> None:
        release.wait(10)

    backend.refuse = hold
    with running(installed_terraform, "plan") as process:
        await_(lambda: backend.requested("GetVpc"))
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=5)
    release.set()
    assert "fault of the provider" not in output
    assert "Stopped" in output
