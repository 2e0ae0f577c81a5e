"""Changes as they happen: a stream that goes on where it was when its controller has been away."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from headgate.v1 import intent_pb2
from headgate_cli.api import Api
from headgate_cli.changes import differences
from headgate_cli.errors import CliError, UnreachableError
from headgate_cli.fields import word
from headgate_cli.kinds import Kind, intent_method, resource_of
from headgate_cli.names import ANY, PROJECT
from headgate_cli.output import values_of
from headgate_cli.refusals import RefusedError
from headgate_cli.resources import unpacked
from headgate_common.position import Position

LONGEST_PAUSE = 3.0
"""Seconds between attempts to reach a controller that is away."""

NOTHING_IS_NAMED_SO = "/"
COMPACTED = "REVISION_COMPACTED"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is watched: names that begin with a prefix, of some types; both empty for all."""

    prefix: str = ""
    types: Sequence[str] = ()

    @classmethod
    def of(cls, kinds: Iterable[Kind], project: str) -> "Scope":
        """Return the scope of kinds in a project ("-": in all); those outside of projects are watched by themselves."""
        chosen = list(kinds)
        within = any(PROJECT in pattern for kind in chosen for pattern in kind.patterns)
        return cls(f"projects/{project}/" if within and project != ANY else "", [kind.type for kind in chosen])


@dataclass(frozen=True, slots=True)
class Happening:
    """One change: what was there, as far as it is known, and what is now; None for nothing."""

    answer: Any
    before: Any
    after: Any

    @property
    def sign(self) -> str:
        """What stands for it: "+" came, "~" changed, "-" went."""
        if self.after is None:
            return "-"
        return "+" if self.before is None and self.after.generation == 1 else "~"

    @property
    def type(self) -> str:
        """The resource's type; empty if all that is known is that it is gone."""
        one = self.after or self.before
        return "" if one is None else resource_of(one.DESCRIPTOR).type

    def line(self) -> str:
        """Return it for people, on one line."""
        time = self.answer.time.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ")
        words = f"{time} {self.answer.revision} {self.sign} {self.type} {self.answer.name}".replace("  ", " ")
        return "; ".join([words, *self._details()])

    def _details(self) -> Iterator[str]:
        if self.before is None or self.after is None:
            return
        yield from (str(change) for change in differences(self.before, self.after))
        if self.before.state != self.after.state:
            yield f"~ state: {word(self.after.DESCRIPTOR.fields_by_name['state'], self.after.state)}"

    def values(self) -> dict[str, Any]:
        """Return it for programs."""
        shown = {"+": "created", "~": "changed", "-": "deleted"}[self.sign]
        fixed = {"revision": self.answer.revision, "time": self.answer.time.ToJsonString(), "change": shown}
        resource = {} if self.after is None else {"resource": values_of(self.after)}
        return {**fixed, "type": self.type, "name": self.answer.name, **resource}


def newest_revision(api: Api) -> int:
    """Return the revision that the controller is at."""
    request = intent_pb2.WatchRequest(name_prefix=NOTHING_IS_NAMED_SO)
    return int(next(api.stream(intent_method("Watch"), request)).revision)


def follow(
    api: Api, after: int, scope: Scope, say: Callable[[str], None], known: Mapping[str, Any] | None = None
) -> Iterator[Any]:
    """Yield the changes after a revision, without end; while no controller is there, it says so and waits.

    `known` holds everything that there was by what has been yielded, by name. With it, a log that no longer reaches
    back to where it was is no end: everything that there is comes again, and what is gone.

    Raises:
        CliError: refused, or without `known` the log no longer reaches back.
    """
    stream: Iterator[Any] | None = None
    position = Position(after)

    def following() -> Any:
        nonlocal stream, position
        stream = stream or _opened(api, position.after, scope, known or {})
        try:
            return next(stream)
        except UnreachableError:
            stream = None
            raise
        except RefusedError as refusal:
            if known is None or refusal.reason != COMPACTED:
                raise _gap(refusal, position.after) from refusal
            missing = f"all that came after revision {position.after}"
            say(f"The controller's log tells not {missing}; what it amounts to follows.")
            stream, position = None, Position(0)
            return following()

    def lost(state: RetryCallState) -> None:
        if state.attempt_number == 1:
            say(f"No controller is there; trying again, to go on after revision {position.after}.")

    pause = wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE)
    retrying = Retrying(retry=retry_if_exception_type(UnreachableError), wait=pause, before_sleep=lost)
    while True:
        answer = retrying(following)
        if position.take(answer.revision, answer.name) and answer.name:
            yield answer


def _opened(api: Api, after: int, scope: Scope, known: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the changes after a revision; after 0 first everything that there is, and what is gone of the known.

    Raises:
        CliError: refused, or nobody answered, or the controller ended the stream, which it does when it stops.
    """
    request = intent_pb2.WatchRequest(after_revision=after, name_prefix=scope.prefix, types=scope.types)
    unseen, told = set(known), after > 0
    for answer in api.stream(intent_method("Watch"), request):
        unseen.discard(answer.name)
        if not answer.name and not told:
            told = True
            for name in sorted(unseen):
                gone = intent_pb2.WatchResponse(revision=answer.revision, name=name)
                gone.time.GetCurrentTime()
                yield gone
        yield answer
    raise UnreachableError("The controller ended the stream.")


def _gap(refusal: RefusedError, after: int) -> CliError:
    if refusal.reason != COMPACTED:
        return refusal
    return CliError(
        f"The changes after revision {after} cannot be told: {refusal}\n"
        "Read the resources anew (headgate get), and watch from now on: leave --from out."
    )


def happenings(answers: Iterator[Any], kinds: Mapping[str, Kind], known: dict[str, Any]) -> Iterator[Happening]:
    """Yield each change with what was there before; `known` holds that, and is kept up to date. What is told again is
    passed over.
    """
    for answer in answers:
        before = known.pop(answer.name, None)
        after = unpacked(kinds, answer.resource) if answer.HasField("resource") else None
        if before is None or after is None or before.etag != after.etag:
            yield Happening(answer, before, after)
        if after is not None:
            known[answer.name] = after
