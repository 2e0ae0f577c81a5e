"""The acts of the demonstration, in order; each raises if what it shows is not so."""

import json
from dataclasses import dataclass, field

from headgate_lab.command import run
from headgate_lab.demo.evidence import Evidence, gather, intent_rows, ports
from headgate_lab.demo.screen import Screen
from headgate_lab.demo.terraform import Terraform, counted
from headgate_lab.demo.vms import FAR, Vm, expected, have_same_address, vms_of
from headgate_lab.errors import LabError
from headgate_lab.expect import Matrix, reach, seen_as
from headgate_lab.lab import Lab
from headgate_lab.topology import INTERNET
from headgate_lab.waiting import wait_until

REACH_SECONDS = 30.0
"""How long packets may take to flow after Terraform has said that the network is as intended."""

EMPTY_SECONDS = 15.0
"""How long the last rows may take to vanish after `terraform destroy`, which does not wait for the hosts."""

SETTLE_SECONDS = 30.0
"""How long agents may take after a boot until they have nothing left to write."""

RECONNECT_SECONDS = 20.0

RECONNECTED = "host connected host=hosts/"
"""What the controller's log says, before the host's name, when an agent's stream is up."""

AGENT_HOST = "h1"
"""The host whose agent is killed: it carries three VMs."""

NAMESAKES = (("web2", "web1"), ("bank2", "bank1"))
"""VMs that ask, each in its own VPC, for one address, and who must answer."""

ADDED_VM = """
resource "headgate_port" "web4" {
  name   = "web4"
  subnet = headgate_subnet.web.id
}
"""


@dataclass
class Story:
    """One performance: a running site, a Terraform configuration, a screen, and the VMs that run."""

    lab: Lab
    terraform: Terraform
    screen: Screen
    vms: list[Vm] = field(default_factory=list)
    before: Evidence | None = None

    def tell(self) -> None:
        """Perform all acts.

        Raises:
            LabError: something that is shown is not so, or a program failed.
            AssertionError: packets did not go where they must, or went where they must not.
        """
        self.apply()
        self.start_vms()
        self.show_reach()
        self.show_sources()
        self.plan_again()
        self.add_a_vm()
        self.restart_an_agent()
        self.destroy()

    def apply(self) -> None:
        """Run init, plan and apply."""
        with self.screen.step("terraform init"):
            self.terraform.run("init")
        self.before = gather(self.lab)
        with self.screen.step("terraform plan") as step:
            step.note = counted(self.terraform.run("plan"))
        with self.screen.step("terraform apply, until every host has confirmed") as step:
            step.note = counted(self.terraform.run("apply", "-auto-approve"))

    def start_vms(self) -> None:
        """Plug a VM into each port that has none yet."""
        running = {vm.name for vm in self.vms}
        self.vms = vms_of(self.terraform.resources())
        with self.screen.step("start the VMs, as a hypervisor would") as step:
            for vm in self.vms:
                if vm.name not in running:
                    step.narrate(f"{vm.name} on {vm.host}")
                    self._start(vm)
            step.note = ", ".join(f"{vm.name} on {vm.host}" for vm in self.vms if vm.name not in running)

    def show_reach(self) -> None:
        """Prove by ICMP and TCP who reaches whom, and who does not."""
        with self.screen.step("send packets from every VM to every other, and to the internet") as step:
            matrix = self.lab.expect(*expected(self.vms)).within(seconds=REACH_SECONDS)
            step.note = f"{len(matrix.lines)} probes, ICMP and TCP, all as expected"
        self._show_matrix(matrix)
        self._show_namesakes()

    def show_sources(self) -> None:
        """Prove which source addresses are seen, outside and inside."""
        resources = self.terraform.resources()
        floating = resources["headgate_floating_ip.web1"]["ip"]
        (snat,) = resources["headgate_vpc.shop"]["external_subnets"]["internet"]["snat_ips"]
        with self.screen.step("ask both ends which source address they see"):
            self.lab.expect(
                seen_as("web2", INTERNET.name, snat),
                seen_as("db1", FAR, snat),
                seen_as("web1", INTERNET.name, floating),
                reach(INTERNET.name, floating),
                seen_as(INTERNET.name, floating, INTERNET.address),
            ).within(seconds=REACH_SECONDS)
        self.screen.table(
            "Source addresses",
            ("from", "to", "seen there as", "because"),
            [
                ("web2", f"internet ({INTERNET.address})", snat, "source NAT of the VPC"),
                ("db1", FAR, snat, "source NAT, by the default route"),
                ("web1", f"internet ({INTERNET.address})", floating, "its floating IP"),
                ("internet", f"{floating} (web1)", INTERNET.address, "its floating IP, inwards"),
            ],
        )

    def plan_again(self) -> None:
        """Prove that a second plan is empty."""
        with self.screen.step("terraform plan once more") as step:
            self._require(self.terraform.settled(), "a second plan is not empty")
            step.note = "No changes."

    def add_a_vm(self) -> None:
        """Apply one edit and prove that the new VM is there."""
        (self.terraform.work / "web4.tf").write_text(ADDED_VM)
        with self.screen.step("edit: one VM added; terraform apply") as step:
            step.note = counted(self.terraform.run("apply", "-auto-approve"))
        self.start_vms()
        new, old = self.vms[-1], self.vms[:-1]
        with self.screen.step(f"reach {new.name} from the other VMs") as step:
            probes = [one for one in expected(self.vms) if new.name == one.source or new.ip == one.target]
            self.lab.expect(*probes).within(seconds=REACH_SECONDS)
            step.note = f"{len([vm for vm in old if vm.vpc == new.vpc])} of its VPC do, the others do not"

    def restart_an_agent(self) -> None:
        """Kill an agent, start it again, and prove that nothing changed and that packets went on."""
        agent = self.lab.hosts[AGENT_HOST].agent
        assert agent is not None
        settled = "all agents have seen their switches settle"
        wait_until(lambda: all(host.settled for host in self.lab.hosts.values()), seconds=SETTLE_SECONDS, what=settled)
        before, connected = gather(self.lab), self._connections(AGENT_HOST)
        with self.screen.step(f"kill the agent of {AGENT_HOST} (SIGKILL) and start it again") as step:
            with self.lab.ping_gap("web1", self._vm("web3").ip) as gap:
                agent.kill()
                agent.start()
                wait_until(
                    lambda: self._connections(AGENT_HOST) > connected,
                    seconds=RECONNECT_SECONDS,
                    what="the agent is connected again",
                )
                self._require(self.terraform.settled(), "the plan is not empty after an agent's restart")
            changes = gather(self.lab).changes_since(before)
            self._require(not changes, f"an agent's restart changed {', '.join(changes)}")
            step.note = f"no row written in Northbound or on any host; {gap.replies} pings, {gap.lost} lost"

    def destroy(self) -> None:
        """End the VMs, destroy everything, and prove that nothing of it is left."""
        with self.screen.step("stop the VMs"):
            for vm in self.vms:
                self.lab.detach(vm.name)
        with self.screen.step("terraform destroy") as step:
            step.note = counted(self.terraform.run("destroy", "-auto-approve"))
            self._require(not self.terraform.resources(), "the state is not empty")
        with self.screen.step("look for what is left in Northbound and on the hosts") as step:
            wait_until(self._is_as_before, seconds=EMPTY_SECONDS, what="Northbound and every switch are as before")
            step.note = "every row and every port is gone"

    def _start(self, vm: Vm) -> None:
        self.lab.workload(
            vm.name,
            host=vm.host,
            port=vm.iface_id,
            mac=vm.mac,
            ip=f"{vm.ip}/{vm.prefix_length}",
            gateway=vm.gateway,
        )

    def _connections(self, host: str) -> int:
        """Return how often the agent of a host has connected so far."""
        assert self.lab.controller is not None
        return self.lab.controller.daemon.log.read_text().count(f"{RECONNECTED}{host}")

    def _is_as_before(self) -> bool:
        assert self.before is not None
        now = gather(self.lab)
        return intent_rows(now) == intent_rows(self.before) and ports(now) == ports(self.before)

    def _require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise LabError(otherwise)

    def _show_matrix(self, matrix: Matrix) -> None:
        reached = {(line.expectation.source, line.expectation.target): line.outcome.reached for line in matrix.lines}
        words = {True: "[green]yes[/]", False: "[dim]–[/]"}
        lines = []
        for source in self.vms:
            cells = [self._cell(source, target, words, reached) for target in self.vms]
            lines.append([source.name, source.vpc, source.host, source.ip, *cells, words[reached[source.name, FAR]]])
        heading = ["from", "VPC", "host", "address", *(vm.name for vm in self.vms), "internet"]
        self.screen.table("Who reaches whom, by ICMP and TCP", heading, lines)
        self.screen.say("= : that address exists in both VPCs, and in each it is a VM of its own.")
        self.screen.say(f"internet : {FAR}, behind {INTERNET.address}.\n")

    def _show_namesakes(self) -> None:
        """Prove that an address of two VPCs is another VM in each: by who answers to ARP."""
        with self.screen.step("ask in both VPCs who has the address that both have") as step:
            answers = []
            for asking, answering in NAMESAKES:
                ip, mac = self._vm(answering).ip, self._neighbour(asking, self._vm(answering).ip)
                self._require(mac == self._vm(answering).mac, f"{asking} takes {mac} for {ip}, not {answering}")
                answers.append(f"{asking} finds {answering} at {mac}")
            step.note = f"{ip}: {', '.join(answers)}"

    def _neighbour(self, name: str, ip: str) -> str:
        """Return the Ethernet address that a VM has learned for an address."""
        namespace = self.lab.stations()[name].namespace
        found = json.loads(run(namespace.command("ip", "-json", "neighbour", "show", ip)) or "[]")
        return next((str(neighbour.get("lladdr", "")) for neighbour in found), "")

    def _vm(self, name: str) -> Vm:
        return next(vm for vm in self.vms if vm.name == name)

    def _cell(self, source: Vm, target: Vm, words: dict[bool, str], reached: dict[tuple[str, str], bool]) -> str:
        if source is target:
            return ""
        return "=" if have_same_address(source, target, self.vms) else words[reached[source.name, target.ip]]
