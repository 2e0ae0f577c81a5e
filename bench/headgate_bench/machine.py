"""Where and of what a run was: what its figures mean nothing without."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def circumstances() -> dict[str, str | int | float]:
    """Return machine, versions, date and commit ("+" after it: with changes that are in no commit)."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processor": _processor(),
        "processors": os.cpu_count() or 0,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "ovsdb": _printed("ovsdb-server", "--version").partition("\n")[0],
    }


def _commit() -> str:
    changed = _printed("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return _printed("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD") + ("+" if changed else "")


def _processor() -> str:
    """Return the processor's name, as the kernel has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _printed(*command: str) -> str:
    """Return what a program prints; nothing if it is not there, or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
