"""Errors as HTTP shows them."""

from __future__ import annotations

from collections.abc import Iterator

import headgate_controller.app  # noqa: F401 - so that every error there is has been defined
from headgate_controller.errors import HeadgateError
from headgate_controller.web.guard import refusal


class Sample(HeadgateError):
    """An error of some code."""


def kinds(of: type[HeadgateError]) -> Iterator[type[HeadgateError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_error_that_there_is_has_a_status_of_http() -> None:
    codes = {(kind.code, kind.reason) for kind in kinds(HeadgateError)}
    assert len(codes) > 20
    for code, reason in codes:
        error = type("Error", (Sample,), {"code": code, "reason": reason})("It is said.")
        assert (400 <= refusal(error).status_code < 600, refusal(error).body) == (True, b"It is said.\n"), code
