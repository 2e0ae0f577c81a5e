"""The gate in front of every method of the API: who calls, may that caller do this, and what is the caller not told."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from google.protobuf.message import Message

from headgate_controller.api.callers import caller
from headgate_controller.api.demands import Demand, Demands, Scope
from headgate_controller.api.veil import Veil
from headgate_controller.errors import HeadgateError, InvalidError, Violation
from headgate_controller.failures import Failures, machine_of
from headgate_controller.names import project_of
from headgate_controller.principal import ADMINISTRATOR, Access, Principal
from headgate_controller.schema import Schema
from headgate_controller.state import Committed
from headgate_controller.store.tokens import Tokens
from headgate_controller.traffic import Passage, Traffic

HEADER = "authorization"
SCHEME = "bearer "
NOBODY = Principal("Nobody", frozenset(), writes=False)
"""Who calls a method that anybody may call."""


class TokenMissingError(HeadgateError):
    """The caller does not say who it is."""

    code, reason = "UNAUTHENTICATED", "TOKEN_MISSING"


class Foreign(NamedTuple):
    """What a request refers to in projects that its caller does not see: the names of what is shared, of what it may
    not know of, and the faults of the latter.
    """

    shared: frozenset[str]
    hidden: frozenset[str]
    faults: tuple[Violation, ...]


class Gate:
    """Lets callers in: by their token, or because only the machine's administrator can call from where they do."""

    def __init__(
        self, schema: Schema, tokens: Tokens, committed: Committed, traffic: Traffic, *, require_tokens: bool
    ) -> None:
        self._demands = Demands(schema)
        self._schema = schema
        self._tokens = tokens
        self._committed = committed
        self._require_tokens = require_tokens
        self._failures = Failures()
        self._traffic = traffic

    def admit(self, method: str, context: Any) -> Admitted:
        """Return a call whose caller is known.

        Raises:
            TokenMissingError, TokenUnknownError, TokenExpiredError: the caller does not prove who it is.
            BusyError: it has too much under way.
        """
        demand = self._demands.of(method)
        admitted = Admitted(self, demand, method, context)
        admitted.recognise()
        admitted.begin(self._traffic)
        return admitted

    def recognised(self, demand: Demand, method: str, context: Any) -> Principal:
        """Return who calls."""
        if demand.scope is Scope.NOWHERE:
            return NOBODY
        given = [value for key, value in context.invocation_metadata() or () if key == HEADER]
        local = context.peer().startswith("unix:") or not self._require_tokens
        if local and not given:
            return ADMINISTRATOR
        try:
            return self._tokens.authenticate(_secret(given))
        except HeadgateError as error:
            self._failures.note(machine_of(context.peer()), method, error.reason)
            raise

    def check(self, demand: Demand, principal: Principal, request: Message) -> None:
        """See that a caller may send a request.

        Raises:
            PermissionDeniedError, ReadOnlyError: it may not.
        """
        access = Access.READ if getattr(request, "validate_only", False) else demand.access
        for project in sorted(self._demands.projects(demand, request)):
            principal.check(access, project)

    def foreign(self, principal: Principal, request: Message) -> Foreign:
        """Return what a request refers to of others."""
        found = [(path, name) for path, name in self._demands.references(request) if not _sees(principal, name)]
        shared = frozenset(name for _, name in found if self._is_shared(name))
        hidden = [(path, name) for path, name in found if name not in shared]
        faults = tuple(_not_found(path, name) for path, name in hidden)
        return Foreign(shared, frozenset(name for _, name in hidden), faults)

    def _is_shared(self, name: str) -> bool:
        noun = self._committed.world.resources.get(name)
        return noun is not None and self._schema.kind(noun).shared(noun)


class Admitted:
    """One call that was let in."""

    def __init__(self, gate: Gate, demand: Demand, method: str, context: Any) -> None:
        self._gate = gate
        self._demand = demand
        self._method = method
        self._context = context
        self._principal = NOBODY
        self._passage: Passage | None = None
        self._given: set[str] = set()

    def begin(self, traffic: Traffic) -> None:
        """Take a place among the calls that are under way, those of nobody known by the machine they come from.

        Raises:
            BusyError: there is none.
        """
        known = self._principal is not NOBODY
        caller = self._principal.name if known else f"Whoever is at {machine_of(self._context.peer())}"
        self._passage = traffic.begin(caller, self._method, known=known)

    @property
    def passage(self) -> Passage:
        """Its place among the calls that are under way."""
        assert self._passage is not None, "begin comes first"
        return self._passage

    @property
    def reading(self) -> asyncio.Semaphore:
        """What is held while the request is read."""
        return self.passage.reading

    @property
    def listing(self) -> asyncio.Semaphore:
        """What is held while a list is made."""
        return self.passage.listing

    def take(self, size: int) -> None:
        """Hold so many bytes until the end.

        Raises:
            BusyError: the caller holds too many.
        """
        self.passage.take(size)

    def end(self) -> None:
        """Leave the place to others."""
        self.passage.end()

    def recognise(self) -> None:
        """See anew who calls: a token may have been revoked, or have expired, since the call began."""
        self._principal = self._gate.recognised(self._demand, self._method, self._context)
        caller.set(self._principal)

    def check(self, request: Message) -> None:
        """See that the caller may send a request; one that may do everything need not be asked.

        Raises:
            PermissionDeniedError, ReadOnlyError: it may not. InvalidError: it refers to what it may not know of.
        """
        if self._demand.scope is Scope.NOWHERE or (self._principal.projects is None and self._principal.writes):
            return
        self._gate.check(self._demand, self._principal, request)
        if self._demand.judged or self._principal.projects is None:
            return
        foreign = self._gate.foreign(self._principal, request)
        self._given |= foreign.shared | foreign.hidden
        if foreign.faults:
            raise InvalidError("", foreign.faults)

    def veiled(self, error: HeadgateError) -> HeadgateError:
        """Return an error as the caller may see it."""
        return error if self._principal.projects is None else Veil(self._principal, self._given).over_error(error)


def _secret(given: list[Any]) -> str:
    """Return the secret of the one authorization that a request must have.

    Raises:
        TokenMissingError: it has none, several, or one of another form.
    """
    if len(given) == 1 and str(given[0]).lower().startswith(SCHEME):
        return str(given[0])[len(SCHEME) :].strip()
    found = "There is none" if not given else "It is of another form"
    raise TokenMissingError(
        f"A token is needed, once, as `authorization: Bearer TOKEN`. {found}; set HEADGATE_TOKEN "
        "(terraform, headgate). The site's administrator makes one: headgate token create NAME"
    )


def _sees(principal: Principal, name: str) -> bool:
    """Return whether a caller may know of a resource; what belongs to the whole site may be named by everybody."""
    project = project_of(name)
    return not project or principal.sees(project)


def _not_found(path: str, name: str) -> Violation:
    """Return the very words with which a reference to nothing is refused, lest the difference tell what there is."""
    text = f"There is no {name}; create it first, or name another."
    return Violation(path, "REFERENCE_NOT_FOUND", text, passing=True)
