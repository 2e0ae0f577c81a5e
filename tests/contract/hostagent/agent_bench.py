"""What the agent's tests stand on: a machine with a real ovsdb-server, a controller played by the test, the program."""

import contextlib
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from headgate.v1 import host_link_pb2 as pb
from headgate.v1 import host_link_pb2_grpc

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
DEADLINE = 10.0
SERVER_OPTIONS = (("grpc.http2.min_recv_ping_interval_without_data_ms", 5000), ("grpc.http2.max_ping_strikes", 0))
"""Agents ask whether the stream lives; a server with its default options would end it for asking too often."""


def until(check: Callable[[], object], what: str = "", seconds: float = DEADLINE) -> object:
    """Return what `check` returns once it is true."""
    end = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what or check}")
        time.sleep(0.02)
    return found


class Machine:
    """A machine: a network namespace with its own devices, and a directory with its own Open_vSwitch database."""

    def __init__(self, directory: Path, netns: str) -> None:
        self.directory = directory
        self.netns = netns
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = os.environ | dict.fromkeys(("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"), str(directory))

    @property
    def remote(self) -> str:
        return f"unix:{self.directory}/db.sock"

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        inside = ("ip", "netns", "exec", self.netns)
        with (self.directory / f"{name}.err").open("ab") as log:
            daemon = subprocess.Popen([*inside, *command], env=self.environment, stderr=log, stdout=log)
        self._daemons[name] = daemon
        return daemon

    def stop(self, name: str, *, kill: bool = False) -> int:
        daemon = self._daemons.pop(name)
        daemon.kill() if kill else daemon.terminate()
        return daemon.wait(10)

    def pause(self, name: str, stopped: bool) -> None:
        """Have a daemon hang, or go on."""
        self._daemons[name].send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def start_database(self) -> None:
        database = self.directory / "conf.db"
        if not database.exists():
            subprocess.run(["ovsdb-tool", "create", database, SCHEMA], check=True)
        self.start("ovsdb", "ovsdb-server", str(database), f"--remote=p{self.remote}", "--unixctl=none")
        until((self.directory / "db.sock").exists, "ovsdb-server")
        self.vsctl("init")

    def start_switch(self) -> None:
        self.start("vswitchd", "ovs-vswitchd", self.remote, "--disable-system")

    def vsctl(self, *arguments: str) -> str:
        command = ["ovs-vsctl", f"--db={self.remote}", "--no-wait", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()

    def ids(self) -> dict[str, str]:
        """Return Open_vSwitch external_ids."""
        row = json.loads(self.vsctl("--format=json", "--columns=external_ids", "list", "Open_vSwitch"))
        return dict(row["data"][0][0][1])

    def interface_ids(self, name: str) -> dict[str, str]:
        row = json.loads(self.vsctl("--format=json", "--columns=external_ids", "list", "Interface", name))
        return dict(row["data"][0][0][1])

    def ip(self, *arguments: str) -> str:
        command = ["ip", "-netns", self.netns, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout

    def link(self, name: str) -> dict[str, object]:
        """Return what ip(8) says of a device; empty if there is none."""
        command = ["ip", "-netns", self.netns, "-json", "-details", "address", "show", "dev", name]
        found = subprocess.run(command, check=False, capture_output=True, text=True)
        return next((entry for entry in json.loads(found.stdout or "[]") if entry), {})

    def addresses(self, name: str) -> list[str]:
        return [item["local"] for item in self.link(name).get("addr_info", [])]

    def is_up(self, name: str) -> bool:
        return "UP" in self.link(name).get("flags", ())

    def writes(self) -> bytes:
        """Return the database's file, which grows with every transaction that changes something."""
        return (self.directory / "conf.db").read_bytes()

    def close(self) -> None:
        """Stop every daemon; one that does not stop when asked is killed and told of."""
        stubborn = []
        for name in reversed(tuple(self._daemons)):
            daemon = self._daemons[name]
            try:
                self.stop(name)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait(10)
                stubborn.append(name)
        assert not stubborn, f"{stubborn} did not stop when asked"


class Controller:
    """A controller's half of the stream, spoken by the test."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: queue.Queue[pb.ConnectRequest] = queue.Queue()
        self._say: queue.Queue[pb.ConnectResponse | None] = queue.Queue()
        self._nonces = itertools.count(1)
        self.report = pb.Report()
        self._server = grpc.server(ThreadPoolExecutor(4), options=SERVER_OPTIONS)
        host_link_pb2_grpc.add_HostLinkServiceServicer_to_server(self, self._server)
        self._server.add_insecure_port(address)
        self._server.start()

    def Connect(self, requests: Iterator[pb.ConnectRequest], context: grpc.ServicerContext) -> Iterator[object]:
        self._say = queue.Queue()
        say = self._say
        context.add_callback(lambda: say.put(None))
        ThreadPoolExecutor(1).submit(self._hear, requests)
        while (response := say.get()) is not None:
            yield response

    def _hear(self, requests: Iterator[pb.ConnectRequest]) -> None:
        with contextlib.suppress(grpc.RpcError):
            for request in requests:
                if request.HasField("report"):
                    self.report = request.report
                else:
                    self.heard.put(request)

    def hello(self) -> pb.Hello:
        request = self.heard.get(timeout=DEADLINE)
        assert request.HasField("hello"), request
        return request.hello

    def say(self, version: str, put: Mapping[str, pb.DesiredObject], **fields: object) -> pb.ConnectRequest:
        """Send a desired state and return the answer."""
        nonce = str(next(self._nonces))
        self.tell(desired=pb.Desired(version=version, nonce=nonce, put=put, **{"epoch": 1, **fields}))
        answer = self.heard.get(timeout=DEADLINE)
        assert nonce in (answer.ack.nonce, answer.nack.nonce), answer
        return answer

    def tell(self, **message: object) -> None:
        """Send one message."""
        self._say.put(pb.ConnectResponse(**message))

    def expect_report(self, check: Callable[[pb.Report], object], seconds: float = DEADLINE) -> pb.Report:
        try:
            until(lambda: check(self.report), "a report", seconds)
        except AssertionError:
            raise AssertionError(f"the last report is {self.report}") from None
        return self.report

    def close(self) -> None:
        self._server.stop(None).wait()


def desired(*, remote: str = "tcp:10.99.0.1:6642", networks: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return the objects of a host: its chassis and physical networks."""
    chassis = pb.Chassis(ovn_remote=remote, encap_type="geneve", encap_ip="172.31.0.11")
    objects: dict[str, object] = {"chassis": pb.DesiredObject(chassis=chassis)}
    for name, bridge in (networks if networks is not None else {"provider": "br-ext"}).items():
        objects[f"physical_network/{name}"] = pb.DesiredObject(physical_network=pb.PhysicalNetwork(bridge=bridge))
    return objects


class AgentProcess:
    """The agent's program on a machine."""

    CONFIG = """
host = "h1"
controllers = ["unix:{d}/hosts.sock"]
state_dir = "{d}/state"
ovsdb = "unix:{d}/db.sock"
ovs_rundir = "{d}"
ovn_rundir = "{d}"
tunnel_address = "172.31.0.11/24"
tunnel_device = "br-phy"
datapath_type = "netdev"
[bridges.br-phy]
uplinks = ["eth1"]
mac = "02:00:00:00:00:0b"
[bridges.br-ext]
uplinks = ["eth2"]
[physical_networks]
provider = "br-ext"
"""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.config = machine.directory / "agent.toml"
        self.config.write_text(self.CONFIG.format(d=machine.directory))

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, "-m", "headgate_hostagent", "--config", str(self.config))

    def start(self) -> subprocess.Popen[bytes]:
        self.process = self.machine.start("agent", *self.command, "--log-level", "debug", "run")
        return self.process

    def stop(self, *, kill: bool = False) -> int:
        return self.machine.stop("agent", kill=kill)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["ip", "netns", "exec", self.machine.netns, *self.command, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    @property
    def log(self) -> str:
        return (self.machine.directory / "agent.err").read_text()

    @property
    def state(self) -> Path:
        return self.machine.directory / "state" / "desired"
