"""The real Terraform in a directory of its own, with a home directory of its own: nothing of the user's is touched."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate_lab.command import run
from headgate_lab.errors import CommandError

PROGRAM = "HEADGATE_TERRAFORM"
"""Environment variable: the program to run, "terraform" unless set; OpenTofu's is "tofu"."""

CHANGES = 2
"""What `plan -detailed-exitcode` ends with if it found something to do.  Source: terraform plan -help."""


class TerraformError(CommandError):
    """Terraform ended with another status than zero; the message holds what it printed."""

    def __init__(self, command: str, status: int, output: str) -> None:
        super().__init__(f"{command} ended with status {status}\n{output}".rstrip())
        self.status = status


def program() -> str:
    """Return the name of the Terraform to use."""
    return os.environ.get(PROGRAM, "terraform")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """One configuration, in `work`, against the controller that the variables of `access` lead to.

    `narrate` is told what Terraform says of each resource, as it says it.
    """

    home: Path
    work: Path
    access: Mapping[str, str]
    narrate: Callable[[str], None]

    def prepare(self, example: Path) -> None:
        """Copy the configuration, and put the provider where `terraform init` finds it.

        Raises:
            CommandError: `headgate terraform install` failed.
        """
        self.home.mkdir(parents=True)
        self._cli_config.touch()
        shutil.copytree(example, self.work, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        run([sys.executable, "-m", "headgate_cli", "terraform", "install"], env=self._environment)

    def run(self, *argv: str) -> str:
        """Run a command of Terraform and return what it printed.

        Raises:
            TerraformError: it ended with another status than zero.
        """
        with subprocess.Popen(
            [program(), f"-chdir={self.work}", *argv, "-no-color"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            output = "".join(self._told(process.stdout))
        if process.returncode:
            raise TerraformError(f"{program()} {' '.join(argv)}", process.returncode, output)
        return output

    def settled(self) -> bool:
        """Whether a plan finds nothing to do.

        Raises:
            TerraformError: the plan failed.
        """
        try:
            self.run("plan", "-detailed-exitcode")
        except TerraformError as error:
            if error.status != CHANGES:
                raise
            return False
        return True

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the attributes of every resource of the state by its address: `headgate_port.web1`."""
        shown = json.loads(run([program(), f"-chdir={self.work}", "show", "-json"], env=self._environment))
        root = shown.get("values", {}).get("root_module", {})
        return {resource["address"]: resource["values"] for resource in root.get("resources", [])}

    @property
    def _cli_config(self) -> Path:
        return self.home / "terraformrc"

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "HEADGATE_"))}
        return kept | {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            "TF_CLI_CONFIG_FILE": str(self._cli_config),
            "CHECKPOINT_DISABLE": "1",
            **self.access,
        }

    def _told(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            if line.startswith("headgate_"):
                self.narrate(line.strip())
            yield line


def counted(output: str) -> str:
    """Return the line of a plan, apply or destroy that says how much there was to do."""
    marks = ("Plan:", "No changes", "Apply complete!", "Destroy complete!")
    return next((line.strip() for line in reversed(output.splitlines()) if line.startswith(marks)), "")
