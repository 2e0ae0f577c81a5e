"""Who may ask by HTTP: by the same tokens as the API's, as a bearer's or as the password of basic authentication."""

from __future__ import annotations

import base64
import binascii

from starlette.exceptions import HTTPException
from starlette.requests import Request

from headgate_controller.errors import HeadgateError
from headgate_controller.failures import Failures
from headgate_controller.principal import ADMINISTRATOR, Access, Principal
from headgate_controller.store.tokens import Tokens
from headgate_controller.traffic import Passage, Traffic

LONGEST_PATH = 200
"""Characters of a path in the log."""

CHALLENGE = {"WWW-Authenticate": 'Basic realm="headgate"'}
MISSING = (
    "A token is needed: as the password of basic authentication, with any user name, or as `Authorization: Bearer "
    "TOKEN`. The site's administrator makes one: headgate token create NAME"
)


class Callers:
    """Lets callers in: by their token, or because only the machine's administrator can call from where they do."""

    def __init__(self, tokens: Tokens, *, require_tokens: bool, traffic: Traffic | None = None) -> None:
        """`traffic` is what callers have under way, also elsewhere."""
        self._tokens = tokens
        self._require_tokens = require_tokens
        self._failures = Failures()
        self._traffic = traffic or Traffic()

    def check(self, request: Request, access: Access, project: str) -> None:
        """See that who sent a request may do this in a project.

        Raises:
            HTTPException: the caller does not prove who it is. PermissionDeniedError, ReadOnlyError: it may not.
        """
        self._caller(request).check(access, project)

    def begin(self, request: Request, access: Access, project: str) -> Passage:
        """Likewise, and have the request count among the caller's until its end.

        Raises:
            HTTPException, PermissionDeniedError, ReadOnlyError: as above. BusyError: the caller has too many.
        """
        caller = self._caller(request)
        caller.check(access, project)
        return self._traffic.begin(caller.name, request.method)

    def _caller(self, request: Request) -> Principal:
        given = request.headers.get("authorization", "")
        if not given and (_is_local(request) or not self._require_tokens):
            return ADMINISTRATOR
        try:
            return self._tokens.authenticate(_secret(given))
        except HeadgateError as error:
            peer = request.client.host if request.client else "unix:"
            self._failures.note(peer, f"{request.method} {request.url.path[:LONGEST_PATH]}", error.reason)
            raise HTTPException(401, str(error), CHALLENGE) from error


def _is_local(request: Request) -> bool:
    """Return whether a request came by a unix socket: those have no port. The peer's address does not tell, since that
    of a TCP peer that is gone is not known either.
    """
    server = request.scope.get("server")
    return server is not None and server[1] is None


def _secret(given: str) -> str:
    """Return the token in an Authorization header.

    Raises:
        HTTPException: there is none.
    """
    scheme, _, rest = given.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            pass
    raise HTTPException(401, MISSING, CHALLENGE)
