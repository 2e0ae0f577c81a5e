"""The Headgate controller as a daemon of the lab."""

import os
import socket
import sys
from collections.abc import Mapping

from headgate_common import pki
from headgate_common.authority import Authority
from headgate_common.identity import IdentityFiles
from headgate_lab.central import Central
from headgate_lab.command import run
from headgate_lab.configuration import controller_settings, to_toml
from headgate_lab.daemons import Daemon, accepts
from headgate_lab.machine import Machine

LOOPBACK = "127.0.0.1"


class LabController:
    """The controller, in the namespace the lab runs in: users reach it on loopback, by TLS and with a token, hosts by a
    unix socket.

    Unix sockets are files and so cross network namespaces.
    """

    def __init__(self, machine: Machine, *, central: Central, api_port: int) -> None:
        run_dir = machine.run_dir
        self.api_port = api_port
        self.api = f"unix:{run_dir}/api.sock"
        self.hosts = f"unix:{run_dir}/hosts.sock"
        self._config = run_dir / "controller.toml"
        self._authority, self._identity = Authority(run_dir / "ca"), IdentityFiles(run_dir / "pki")
        self._token = run_dir / "token"
        self._settings = controller_settings(
            run_dir=run_dir, api_port=api_port, northbound=central.northbound, southbound=central.southbound
        )

        def ready(_pid: int) -> bool:
            return accepts(run_dir / "api.sock") and accepts(run_dir / "hosts.sock")

        self.daemon: Daemon = machine.daemon(
            "controller",
            *(sys.executable, "-m", "headgate_controller", "--config", str(self._config)),
            ready=ready,
            writes_pid_file=False,
        )

    def start(self) -> None:
        """Write its configuration, give it a certificate, and start it."""
        self._config.write_text(to_toml(self._settings))
        if not self._identity.identity.exists():
            self._certify()
        self.daemon.start()

    def _certify(self) -> None:
        now, key = pki.utc_now(), pki.new_key()
        authority = Authority.create(self._authority.bundle_path.parent, now)
        subject = pki.Subject(pki.Role.CONTROLLER, "controller", (LOOPBACK, "localhost"))
        self._identity.save(key, authority.issue(subject, key.public_key(), now), authority.bundle())

    def access(self) -> Mapping[str, str]:
        """Return what clients need in their environment to reach the API as anybody would; once, a token is made.

        Raises:
            CommandError: the controller does not make one.
        """
        if not self._token.exists():
            create = ("token", "create", "lab", "--all-projects", "--read-write", "--endpoint", self.api)
            secret = run([sys.executable, "-m", "headgate_cli", *create])
            with open(os.open(self._token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:  # noqa: PTH123 - with a mode
                file.write(f"{secret}\n")
        return {
            "HEADGATE_ENDPOINTS": self.endpoint,
            "HEADGATE_CA_FILE": str(self._authority.bundle_path),
            "HEADGATE_TOKEN_FILE": str(self._token),
        }

    @property
    def endpoint(self) -> str:
        """Where users reach the API."""
        return f"{LOOPBACK}:{self.api_port}"


def free_port(preferred: int = 0) -> int:
    """Return a TCP port of loopback that nobody uses: the preferred one if it is free."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")
