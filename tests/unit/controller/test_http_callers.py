"""Who is taken for the machine's administrator by HTTP."""

from typing import Any, cast

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from headgate_controller.principal import SITE, Access, Principal
from headgate_controller.store.tokens import Tokens
from headgate_controller.web.callers import Callers


class NoTokens:
    """Nobody has one here."""

    def authenticate(self, secret: str) -> Principal:
        raise AssertionError(f"{secret!r} was taken for a token")


NO_TOKENS = cast(Tokens, NoTokens())


def request(**scope: Any) -> Request:
    return Request({"type": "http", "method": "GET", "path": "/metrics", "headers": [], "query_string": b""} | scope)


def test_whoever_comes_by_a_unix_socket_is() -> None:
    local = request(server=("/run/headgate/http.sock", None), client=None)
    Callers(NO_TOKENS, require_tokens=True).check(local, Access.WRITE, SITE)


@pytest.mark.parametrize(
    "scope",
    [
        {"server": ("127.0.0.1", 7480), "client": ("127.0.0.1", 40_000)},
        {"server": ("127.0.0.1", 7480), "client": None},
        {"server": None, "client": None},
        {},
    ],
    ids=["tcp", "a TCP peer that has hung up", "nothing known", "nothing said"],
)
def test_nobody_else_is(scope: dict[str, Any]) -> None:
    with pytest.raises(HTTPException) as refused:
        Callers(NO_TOKENS, require_tokens=True).check(request(**scope), Access.READ, SITE)
    assert refused.value.status_code == 401
