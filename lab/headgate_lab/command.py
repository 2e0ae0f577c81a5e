"""Run a program to its end and return what it printed."""

import subprocess
from collections.abc import Mapping, Sequence

from headgate_lab.errors import CommandError


def run(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: str | None = None, seconds: float = 30
) -> str:
    """Return the standard output of `argv`, without the last newline.

    `env` replaces the environment; `stdin` is empty unless given; a program that takes longer than `seconds` is killed.

    Raises:
        CommandError: it failed, took too long, or does not exist.
    """
    words = " ".join(argv)
    try:
        done = subprocess.run(
            argv, env=env, input=stdin or "", capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"no end within {seconds:g} s: {words}") from error
    except OSError as error:
        raise CommandError(f"{error}: {words}") from error
    if done.returncode:
        raise CommandError(f"status {done.returncode}: {words}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout.rstrip("\n")
