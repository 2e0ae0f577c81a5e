"""Puts the provider where `terraform init` finds it, without a registry, a network or a line of CLI configuration."""

import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

MIRROR = Path(".terraform.d/plugins/terraform.local/headgate/headgate")
"""Below the home directory: Terraform's implied mirror, for the provider's source address."""

LAUNCHER = """\
#!/bin/sh
# The Headgate provider of Terraform. The lock file pins this file, not the program that it starts.
for program in "$HEADGATE_TF_PROVIDER" "$(command -v headgate-terraform-provider)" \\
    "$HOME/.local/bin/headgate-terraform-provider" /opt/headgate/bin/headgate-terraform-provider; do
    if [ -n "$program" ] && [ -x "$program" ]; then exec "$program" "$@"; fi
done
echo "headgate-terraform-provider is not on PATH, in ~/.local/bin or /opt/headgate/bin; HEADGATE_TF_PROVIDER names it"
exit 1
"""
"""The same on every machine, or lock files that colleagues share would not fit. Its last words are on stdout: only that
reaches the user."""

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def install(home: Path) -> Path:
    """Install the launcher below `home` and return its file. Repeating it changes nothing.

    Raises:
        OSError: the directory cannot be written.
    """
    release = version("headgate")
    file = home / MIRROR / release / _platform() / f"terraform-provider-headgate_v{release}"
    file.parent.mkdir(parents=True, exist_ok=True)
    # Terraform may be starting the old file at this moment: replace it as a whole.
    draft = file.parent.parent / f".{file.name}.{os.getpid()}"
    draft.write_text(LAUNCHER)
    draft.chmod(0o755)
    draft.replace(file)
    return file


def installed(home: Path) -> list[str]:
    """Return the releases whose launcher is below `home`."""
    return sorted(file.parents[1].name for file in (home / MIRROR).glob("*/*/terraform-provider-headgate_v*"))


def uninstall(home: Path) -> None:
    """Remove every release of the provider below `home`."""
    shutil.rmtree(home / MIRROR, ignore_errors=True)


def _platform() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_ARCHITECTURES.get(machine, machine)}"
