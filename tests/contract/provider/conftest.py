"""The API in memory, the provider in reattach mode, and the real terraform."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from provider_backend import Backend

from headgate_terraform.install import install
from terraform import Terraform


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    api = Backend()
    server = api.serve(f"unix:{tmp_path}/api.sock")
    yield api
    server.stop(None).wait()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing of the user's: an own home, no CLI configuration, no call home."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    home = tmp_path / "home"
    home.mkdir()
    return kept | {
        "HOME": str(home),
        "TF_CLI_CONFIG_FILE": "/dev/null",
        "CHECKPOINT_DISABLE": "1",
        "HEADGATE_ENDPOINTS": f"unix:{tmp_path}/api.sock",
    }


@pytest.fixture
def debugged_provider(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The provider in reattach mode; yields the environment by which terraform finds it."""
    command = [sys.executable, "-W", "error", "-m", "headgate_terraform", "--debug"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name, _, value = process.stdout.readline().strip().partition("=")
        yield environment | {name: value.strip("'")}
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture
def installed_provider(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The provider installed below the home directory, as a user's is; its sockets are where their paths are short."""
    install(Path(environment["HOME"]))
    program = Path(sys.executable).with_name("headgate-terraform-provider")
    with tempfile.TemporaryDirectory(prefix="hgp-") as sockets:
        yield environment | {"HEADGATE_TF_PROVIDER": str(program), "PLUGIN_UNIX_SOCKET_DIR": sockets}


@pytest.fixture
def installed_terraform(tmp_path: Path, backend: Backend, installed_provider: dict[str, str]) -> Terraform:
    """Terraform that starts the provider itself, over the real handshake."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    directory = tmp_path / "configuration"
    directory.mkdir()
    return Terraform(directory, installed_provider)


@pytest.fixture
def terraform(tmp_path: Path, backend: Backend, debugged_provider: dict[str, str]) -> Terraform:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    directory = tmp_path / "configuration"
    directory.mkdir()
    return Terraform(directory, debugged_provider)
