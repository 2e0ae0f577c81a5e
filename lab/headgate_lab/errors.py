"""What can go wrong with the test bed itself, as opposed to what it tests."""


class LabError(Exception):
    """The lab could not do what was asked; the message says what to look at."""


class CommandError(LabError):
    """A program ended with a status other than zero; the message holds its output."""


class DeadlineError(LabError):
    """Something awaited did not come true in time."""
