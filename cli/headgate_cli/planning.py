"""What `apply` will do: read from files, tried by the controller, shown, and then done as one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from headgate.v1 import intent_pb2
from headgate_cli.api import Api
from headgate_cli.batches import MOST, Wish, deletion, present, rehearse, send
from headgate_cli.changes import Change, differences, unseen
from headgate_cli.documents import Fault, read_sources
from headgate_cli.errors import CliError
from headgate_cli.kinds import Kind, resource_of
from headgate_cli.manifests import Manifest, Surroundings, read_manifests
from headgate_cli.ordering import in_order
from headgate_cli.resources import unpacked
from headgate_cli.screen import screen

SIGNS = {"+": "green", "-": "red", "~": "yellow"}
"""What stands before something that comes, goes, or changes, and its colour."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What differs between files and what is there; `unchanged` counts what does not."""

    creates: tuple[Wish, ...]
    updates: tuple[tuple[Wish, tuple[Change, ...]], ...]
    deletes: tuple[Any, ...]
    unchanged: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.creates or self.updates or self.deletes)

    def mutations(self, order: Sequence[str]) -> list[intent_pb2.Mutation]:
        """Return what to send, in the order of these names, deletions last."""
        wishes = {wish.name: wish for wish in (*self.creates, *(wish for wish, _ in self.updates))}
        return [*(wishes[name].mutation() for name in order if name in wishes), *map(deletion, self.deletes)]


def read_files(sources: Sequence[str], around: Surroundings) -> list[Manifest]:
    """Return the resources that files hold, those that others need first.

    Raises:
        CliError: with every fault of every file.
    """
    faults: list[Fault] = []
    manifests = {m.name: m for m in read_manifests(read_sources(sources, faults), around, faults)}
    refuse(faults)
    return [manifests[message.name] for message in in_order([m.message for m in manifests.values()])]


def refuse(faults: Sequence[Fault]) -> None:
    """End with all faults, if there are any.

    Raises:
        CliError: there are.
    """
    if faults:
        words = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise CliError("\n".join([f"Nothing was changed; {words}:", *(f"  {fault}" for fault in sorted(faults))]))


def plan(api: Api, kinds: Mapping[str, Kind], manifests: Sequence[Manifest], deletes: Sequence[Any] = ()) -> Plan:
    """Return what would make things as the files want them, as the controller itself would do it.

    Raises:
        CliError: with every fault that the controller finds.
    """
    faults: list[Fault] = []
    there = present(api, manifests)
    wishes = [Wish(manifest, there.get(manifest.name)) for manifest in manifests]
    after = rehearse(api, kinds, wishes, faults)
    refuse(faults)
    updates = ((wish, _changes(wish, after[wish.name])) for wish in wishes if wish.before is not None)
    changed = tuple((wish, changes) for wish, changes in updates if changes)
    creates = tuple(wish for wish in wishes if wish.before is None)
    made = Plan(creates, changed, tuple(deletes), len(wishes) - len(creates) - len(changed))
    if deletes:
        send(api, made.mutations([m.name for m in manifests]), only_try=True)
    return made


def _changes(wish: Wish, after: Any) -> tuple[Change, ...]:
    """Return what an update changes; values that are never returned are sent each time, and shown to be."""
    return (*differences(wish.before, after), *unseen(wish.manifest.message))


def carry_out(api: Api, kinds: Mapping[str, Kind], made: Plan, order: Sequence[str]) -> tuple[int, list[Any]]:
    """Do what is planned, all or nothing; return the revision that holds it, and the resources that there are now."""
    answer = send(api, made.mutations(order))
    return answer.revision, [unpacked(kinds, packed) for packed in answer.resources if packed.type_url]


def parts(manifests: Sequence[Manifest]) -> list[Sequence[Manifest]]:
    """Return the resources in as few parts as batches can hold."""
    return [manifests[start : start + MOST] for start in range(0, len(manifests), MOST)]


def show(made: Plan) -> None:
    """Print what will be done, field by field."""
    for sign, kind, name, changes in _entries(made):
        _print(f"{sign} {kind} {name}", sign)
        for change in changes:
            _print(f"    {change}", str(change)[0])
    counts = f"{len(made.creates)} to create, {len(made.updates)} to change, {len(made.deletes)} to delete"
    typer.echo(f"{counts}, {made.unchanged} as they are.")


def _entries(made: Plan) -> Iterator[tuple[str, str, str, Sequence[Change]]]:
    for wish in made.creates:
        yield "+", wish.manifest.kind.type, wish.name, differences(None, wish.manifest.message)
    for wish, changes in made.updates:
        yield "~", wish.manifest.kind.type, wish.name, changes
    for resource in made.deletes:
        yield "-", resource_of(resource.DESCRIPTOR).type, resource.name, ()


def _print(line: str, sign: str) -> None:
    screen().print(line, style=SIGNS[sign], soft_wrap=True)
