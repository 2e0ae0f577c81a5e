"""What ovn-trace says, as the steps that a user can follow.

Source: ovn-trace(8), "OUTPUT"; the names of the stages are northd's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from headgate_controller.addresses import Address, parse_address

DECIDING: Mapping[str, str] = {
    "ls_in_acl": "decides at its sender",
    "ls_in_acl_eval": "decides at its sender",
    "ls_out_acl": "decides at its receiver",
    "ls_out_acl_eval": "decides at its receiver",
    "lr_in_ip_routing": "routes",
    "lr_in_policy": "applies",
    "lr_in_dnat": "translates its destination",
    "lr_out_snat": "translates its source",
}
"""Stages in which rows of users decide about a packet, and what they do there."""

BLOCK = re.compile(r'\s*(ingress|egress)\(dp="([^"]+)", inport="([^"]*)"(?:, outport="([^"]*)")?\)')
FLOW = re.compile(r"\s*\d+\. (\w+)(?: \([^)]*\))?: (.*?)(?:, priority (\d+), uuid ([0-9a-f]{8}))?$")
OUTPUT = re.compile(r'\s*/\* output to "([^"]*)", type "([^"]*)" \*/')
TRANSLATED = re.compile(r"\s*ct_(snat|dnat)\w*\(([0-9a-f.:]+)\);")
NEXT_HOP = re.compile(r"\s*(?:xx)?reg0 = ([0-9a-f.:]+|ip[46]\.dst);")
LEFT = ("localnet", "l2gateway", "vtep")
UNRESOLVED = (
    "The next hop is not known yet; the router asks for it, and holds the packet meanwhile. Send one, and trace again."
)


class Verdict(Enum):
    """How a packet ends."""

    DELIVERED = "delivered"
    LEAVES = "leaves"
    DROPPED = "dropped"
    ANSWERED = "answered"


@dataclass(slots=True)
class Step:
    """One decision: where (a datapath of OVN), in which stage, by which flow (the beginning of its UUID; empty for the
    entry into a datapath), and what it does.
    """

    datapath: str
    stage: str = ""
    flow: str = ""
    action: str = ""


@dataclass(slots=True)
class Journey:
    """Where a packet went: the decisions in order, how and where it ended (a port of OVN), and its addresses then."""

    source: Address
    destination: Address
    steps: list[Step] = field(default_factory=list)
    verdict: Verdict = Verdict.DROPPED
    end: str = ""
    reason: str = "No flow lets it go further."


def read(output: str, source: Address, destination: Address, inport: str) -> Journey:
    """Return the journey in what ovn-trace printed for a packet that entered by `inport`."""
    reader = _Reader(Journey(source, destination), inport)
    for line in output.splitlines():
        reader.take(line)
    return reader.journey


class _Reader:
    """Takes one line after another."""

    def __init__(self, journey: Journey, inport: str) -> None:
        self.journey = journey
        self._inport = inport
        self._datapath = ""
        self._flow = Step("")
        self._arrived = False
        self._waits = False

    def take(self, line: str) -> None:
        if self._waits:
            return  # what follows is the router's own question for the next hop, and not the packet
        if match := BLOCK.match(line):
            self._entered(match[1], match[2])
        elif match := FLOW.match(line):
            self._flow_hit(match[1], match[2], match[4] or "")
        elif match := TRANSLATED.match(line):
            self._translated(match[1], match[2])
        elif (match := NEXT_HOP.match(line)) and self._flow.stage == "lr_in_ip_routing":
            hop = match[1]
            self._flow.action += ", directly connected" if "dst" in hop else f" to {hop}"
        elif match := OUTPUT.match(line):
            self._output(match[1], match[2])
        elif "No MAC binding" in line:
            self._waits = True
            self._end(Verdict.DROPPED, self._datapath, UNRESOLVED)
        elif line.strip() == "drop;":
            self._dropped()

    def _entered(self, pipeline: str, datapath: str) -> None:
        if pipeline == "ingress" and datapath != self._datapath:
            self.journey.steps.append(Step(datapath, action="enters"))
        self._datapath = datapath

    def _flow_hit(self, stage: str, match: str, uuid: str) -> None:
        self._flow = Step(self._datapath, stage, uuid, DECIDING.get(stage, ""))
        if match == "no match (implicit drop)":
            self._end(Verdict.DROPPED, self._datapath, _why(stage))
        elif stage in DECIDING and match != "1":
            self.journey.steps.append(self._flow)
            if stage == "lr_in_ip_routing" and (prefix := re.search(r"ip[46]\.(?:dst|src) == (\S+)", match)):
                self._flow.action = f"routes {prefix[1]}"

    def _translated(self, which: str, text: str) -> None:
        address = parse_address(text)
        if which == "snat":
            self.journey.source = address
        else:
            self.journey.destination = address
        self._flow.action += f" to {address}"

    def _output(self, port: str, type_: str) -> None:
        if type_ == "patch":
            return
        if type_ in LEFT:
            self._end(Verdict.LEAVES, port, "It goes out to the physical network.")
        elif self._inport.startswith(port):
            self._end(Verdict.ANSWERED, self._router(), "The router answers it itself.")
        else:
            self._end(Verdict.DELIVERED, port, "It is delivered.")

    def _dropped(self) -> None:
        self._end(Verdict.DROPPED, self._datapath, _why(self._flow.stage))
        if self._flow.stage in DECIDING:
            self._flow.action = "drops it"

    def _router(self) -> str:
        return self.journey.steps[-2].datapath if len(self.journey.steps) > 1 else self._datapath

    def _end(self, verdict: Verdict, end: str, reason: str) -> None:
        """Note an end; one that is reached counts more than a copy of the packet that is lost on the way."""
        if not self._arrived:
            self.journey.verdict, self.journey.end, self.journey.reason = verdict, end, reason
            self._arrived = verdict is not Verdict.DROPPED


def _why(stage: str) -> str:
    if stage == "lr_in_ip_routing":
        return "The router has no route to it; add one."
    if "port_sec" in stage:
        return "Port security: the sender uses an address that is not its port's."
    if stage == "ls_in_l2_unknown":
        return "Nobody on the segment has this Ethernet address."
    if "acl" in stage or "policy" in stage:
        return "A rule drops it."
    return f"It is dropped in stage {stage}."
