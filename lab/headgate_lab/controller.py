"""The Headgate controller as a daemon of the lab, and the way that hosts take to it."""

import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from headgate_common.files import write_whole
from headgate_common.identity import IdentityFiles
from headgate_lab.central import Central
from headgate_lab.command import run
from headgate_lab.configuration import HOSTS_PORT, controller_settings, hosts_endpoint, to_toml
from headgate_lab.daemons import Daemon, accepts
from headgate_lab.machine import Machine
from headgate_lab.namespaces import Namespace
from headgate_lab.topology import CENTRAL_ADDRESS

LOOPBACK = "127.0.0.1"


class LabController:
    """The controller, in the namespace the lab runs in: users reach it on loopback, by TLS and with a token.

    Hosts reach it by the management wire, at the address of the central machine; a relay leads them here.
    """

    def __init__(self, machine: Machine, *, central: Central, wire: Namespace, pki_dir: Path, api_port: int) -> None:
        run_dir = machine.run_dir
        self.api_port = api_port
        self.api = f"unix:{run_dir}/api.sock"
        self.pki_dir = pki_dir
        self.ca_dir = run_dir / "ca"
        self._token = run_dir / "token"
        self._config = run_dir / "controller.toml"
        self._settings = controller_settings(
            run_dir=run_dir,
            pki_dir=pki_dir,
            ca_dir=self.ca_dir,
            api_port=api_port,
            northbound=central.northbound,
            southbound=central.southbound,
        )

        def ready(_pid: int) -> bool:
            return accepts(run_dir / "api.sock") and _answers(hosts_endpoint(api_port))

        self.daemon: Daemon = machine.daemon(
            "controller",
            *(sys.executable, "-m", "headgate_controller", "--config", str(self._config)),
            ready=ready,
            writes_pid_file=False,
        )
        self.relay = _relay(machine, wire, api_port)

    def start(self) -> None:
        """Write its configuration and start it."""
        self._config.write_text(to_toml(self._settings))
        self.daemon.start()

    @property
    def endpoint(self) -> str:
        """Where users reach the API."""
        return f"{LOOPBACK}:{self.api_port}"

    def access(self) -> Mapping[str, str]:
        """Return what clients need in their environment to reach the API as anybody would; once, a token is made.

        Raises:
            CommandError: the controller does not make one.
        """
        if not self._token.exists():
            create = ("token", "create", "lab", "--all-projects", "--read-write", "--endpoint", self.api)
            write_whole(self._token, run([sys.executable, "-m", "headgate_cli", *create]).encode(), 0o600)
        return {
            "HEADGATE_ENDPOINTS": self.endpoint,
            "HEADGATE_CA_FILE": str(IdentityFiles(self.pki_dir).ca),
            "HEADGATE_TOKEN_FILE": str(self._token),
        }


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


def _relay(machine: Machine, wire: Namespace, api_port: int) -> Daemon:
    """Return what leads hosts from the management wire to the controller, started once the wire is there."""
    listening = machine.run_dir / "relay.listening"
    where = (wire.name, f"{CENTRAL_ADDRESS}:{HOSTS_PORT}", hosts_endpoint(api_port), str(listening))

    def ready(pid: int) -> bool:
        return listening.exists() and listening.read_text() == str(pid)

    argv = (sys.executable, "-m", "headgate_lab.relay", *where)
    return machine.daemon("relay", *argv, ready=ready, writes_pid_file=False)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
