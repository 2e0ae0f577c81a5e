"""Why a command did not do what was asked: words for people, and an exit status for scripts."""

from enum import IntEnum


class Status(IntEnum):
    """What the program ends with; 2 is also what it ends with by itself on unknown options."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    TIMEOUT = 4
    WARNINGS = 5
    FAULTS = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS = {
    Status.DONE: "done; also: there was nothing to do",
    Status.REFUSED: "refused or failed; nothing was changed unless it says so",
    Status.USAGE: "wrong usage",
    Status.UNREACHABLE: "no controller answered",
    Status.TIMEOUT: "waited in vain: what was asked for is accepted, and is not so yet",
    Status.WARNINGS: "lint, doctor: there are findings, warnings at most",
    Status.FAULTS: "lint, doctor: there are findings, errors among them",
    Status.INTERRUPTED: "interrupted by Ctrl-C",
    Status.BROKEN_PIPE: "whoever read the output has gone",
}
"""What each exit status says, for the help and the reference."""


class CliError(Exception):
    """Ends the program: the message says what is wrong and what to do."""

    def __init__(self, message: str, status: Status = Status.REFUSED) -> None:
        super().__init__(message)
        self.status = status


class NotFoundError(CliError):
    """The controller knows no such resource."""


class UnreachableError(CliError):
    """No controller answered, or the one that did has gone."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Status.UNREACHABLE)


class NotLeadingError(UnreachableError):
    """Controllers answered, and none that leads."""
