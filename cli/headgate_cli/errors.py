"""Why a command did not do what was asked: words for people, and an exit status for scripts."""

from enum import IntEnum


class Status(IntEnum):
    """What the program ends with; 2 is also what it ends with by itself on unknown options."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3


class CliError(Exception):
    """Ends the program: the message says what is wrong and what to do."""

    def __init__(self, message: str, status: Status = Status.REFUSED) -> None:
        super().__init__(message)
        self.status = status


class NotFoundError(CliError):
    """The controller knows no such resource."""
