"""The real terraform, driven in a directory of its own."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEADER = """
terraform {
  required_providers {
    headgate = { source = "terraform.local/headgate/headgate" }
  }
}
"""


@dataclass
class Terraform:
    """The real terraform in a directory of its own."""

    directory: Path
    environment: dict[str, str]

    def write(self, configuration: str) -> None:
        (self.directory / "main.tf").write_text(HEADER + configuration)

    def run(self, *arguments: str, expect: int | None = 0) -> str:
        """Return what terraform prints; fail unless it ends with the code `expect`."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.directory,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        assert expect is None or done.returncode == expect, done.stdout
        return done.stdout

    def apply(self, configuration: str | None = None) -> str:
        if configuration is not None:
            self.write(configuration)
        return self.run("apply", "-auto-approve", "-no-color")

    def plan(self, *arguments: str) -> dict[str, Any]:
        """Return the plan as JSON."""
        self.run("plan", "-out=plan.bin", "-no-color", *arguments)
        plan: dict[str, Any] = json.loads(self.run("show", "-json", "plan.bin"))
        return plan

    def actions(self, *arguments: str) -> dict[str, list[str]]:
        """Return what the plan does with each resource."""
        changes = self.plan(*arguments).get("resource_changes", [])
        return {c["address"]: c["change"]["actions"] for c in changes if c["change"]["actions"] != ["no-op"]}

    def assert_settled(self) -> None:
        """Fail unless a plan is empty."""
        self.run("plan", "-detailed-exitcode", "-no-color")

    def faults(self, *arguments: str) -> list[tuple[str, str]]:
        """Return the errors of a command: the summary of each, and the first line of the source that it points at."""
        output = self.run(*arguments, "-json", "-no-color", expect=1)
        if arguments[0] == "validate":
            diagnostics = json.loads(output)["diagnostics"]
        else:
            events = map(json.loads, output.splitlines())
            diagnostics = [event["diagnostic"] for event in events if "diagnostic" in event]
        return [
            (d["summary"], ((d.get("snippet") or {}).get("code") or "").strip().split("\n")[0])
            for d in diagnostics
            if d["severity"] == "error"
        ]

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the values of each resource in the state."""
        root = json.loads(self.run("show", "-json")).get("values", {}).get("root_module", {})
        return {r["address"]: r["values"] for r in root.get("resources", [])}
