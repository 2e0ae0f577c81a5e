"""What Terraform was started for, as far as its own command line tells: the protocol says neither whether a plan is
made to be shown or to be carried out, nor how much of it is made at a time.

Source: `terraform plan -help`, "-parallelism"; Terraform's documentation of TF_CLI_ARGS and TF_CLI_ARGS_name.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PARALLELISM = 10
_PARALLELISM = re.compile(r"--?parallelism(?:=(.*))?")


@dataclass(frozen=True, slots=True)
class Command:
    """A command of Terraform's: "plan", and how many resources it works on at a time."""

    name: str
    parallelism: int

    @property
    def plans_only(self) -> bool:
        """Whether nothing is changed by it."""
        return self.name == "plan"


def read_command(process: int, environment: Mapping[str, str]) -> Command | None:
    """Return the command of a Terraform that runs; None if that cannot be told."""
    try:
        raw = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return None
    return parse_command(raw.decode(errors="replace").split("\0")[:-1], environment)


def parse_command(words: Sequence[str], environment: Mapping[str, str]) -> Command | None:
    """Return the command that a command line and its environment mean; None if it is not Terraform's."""
    program = Path(words[0]).name if words else ""
    name = next((word for word in words[1:] if not word.startswith("-")), "")
    if not name or not ("terraform" in program or "tofu" in program):
        return None
    inserted = (environment.get(variable, "") for variable in ("TF_CLI_ARGS", f"TF_CLI_ARGS_{name}"))
    try:
        arguments = [*(word for text in inserted for word in shlex.split(text)), *words[1:]]
        return Command(name, _parallelism(arguments))
    except ValueError:
        return None


def _parallelism(arguments: Sequence[str]) -> int:
    """Return the last one given, as Terraform takes it."""
    found = DEFAULT_PARALLELISM
    for position, word in enumerate(arguments):
        if match := _PARALLELISM.fullmatch(word):
            found = int(match[1] if match[1] is not None else "".join(arguments[position + 1 : position + 2]))
    return found
