"""Several mutations as one: tried first, so that what is shown is what the controller will do, then done."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.v1 import intent_pb2, types_pb2
from headgate_cli.api import Api
from headgate_cli.documents import Fault
from headgate_cli.errors import NotFoundError
from headgate_cli.kinds import Kind, intent_method
from headgate_cli.manifests import Manifest
from headgate_cli.ordering import needed_by
from headgate_cli.refusals import RefusedError
from headgate_cli.resources import get_one, list_all, unpacked
from headgate_common import refusals

MOST = 1_000
"""Mutations of one batch. Source: proto/headgate/v1/intent.proto, BatchRequest."""

FEW = 8
"""Resources of one kind and project that are read one by one; more of them are listed."""

BATCH_SECONDS = 120.0
IN_BATCH = re.compile(r"mutations\[(\d+)\]\.?(.*)")


@dataclass(frozen=True, slots=True)
class Wish:
    """One resource of a file, and what is there of it now."""

    manifest: Manifest
    before: Any = None

    @property
    def name(self) -> str:
        """The full name."""
        return self.manifest.name

    def mutation(self) -> intent_pb2.Mutation:
        """Return what makes it so: a creation, or an update of every field, of the very thing that was seen."""
        made = intent_pb2.Mutation()
        if self.before is None:
            made.create.Pack(self.manifest.message)
        else:
            wanted = type(self.manifest.message)()
            wanted.CopyFrom(self.manifest.message)
            wanted.etag = self.before.etag
            made.update.resource.Pack(wanted)
            made.update.update_mask.paths.append("*")
        return made


def deletion(resource: Any, *, when_unreferenced: bool = False) -> intent_pb2.Mutation:
    """Return what deletes the very thing that was seen."""
    made = intent_pb2.Mutation()
    made.delete.name, made.delete.etag = resource.name, resource.etag
    made.delete.when_unreferenced = when_unreferenced
    return made


def present(api: Api, manifests: Sequence[Manifest]) -> dict[str, Any]:
    """Return by name what is there of the resources of files; what is on its way out makes room, and is not there."""
    groups: dict[tuple[Kind, str], list[str]] = {}
    for manifest in manifests:
        segments = manifest.name.split("/")
        groups.setdefault((manifest.kind, segments[1] if len(segments) > 2 else ""), []).append(manifest.name)
    found: list[Any] = []
    for (kind, project), names in groups.items():
        found += _got(api, kind, names) if len(names) <= FEW else list_all(api, kind, project)
    return {resource.name: resource for resource in found if resource.state != types_pb2.STATE_DELETING}


def _got(api: Api, kind: Kind, names: Sequence[str]) -> list[Any]:
    found = []
    for name in names:
        try:
            found.append(get_one(api, kind, name))
        except NotFoundError:
            continue
    return found


def send(api: Api, mutations: Sequence[intent_pb2.Mutation], *, only_try: bool = False) -> Any:
    """Have the mutations carried out, all or none, or only checked; return the answer.

    Raises:
        CliError: refused, or nobody answered.
    """
    request = intent_pb2.BatchRequest(mutations=mutations, validate_only=only_try, request_id=str(uuid.uuid4()))
    return api.call(intent_method("Batch"), request, BATCH_SECONDS)


def rehearse(api: Api, kinds: Mapping[str, Kind], wishes: Sequence[Wish], faults: list[Fault]) -> dict[str, Any]:
    """Return by name what every resource would be; nothing is changed.

    What is refused goes to `faults`, and the rest is tried without it, until all faults are known. What needs something
    refused is not judged.

    Raises:
        CliError: refused for no resource's sake, or nobody answered.
    """
    remaining = list(wishes)
    while remaining:
        try:
            answer = send(api, [wish.mutation() for wish in remaining], only_try=True)
        except RefusedError as refusal:
            blamed = _blamed(refusal, remaining)
            if not blamed:
                raise
            faults += [fault for found in blamed.values() for fault in found]
            remaining = _without(remaining, set(blamed))
        else:
            return {
                wish.name: unpacked(kinds, packed) for wish, packed in zip(remaining, answer.resources, strict=True)
            }
    return {}


def _blamed(refusal: RefusedError, wishes: Sequence[Wish]) -> dict[str, list[Fault]]:
    """Return the faults of a refused batch, by the resource that each is of."""
    found: dict[str, list[Fault]] = {}
    for fault in refusal.faults:
        match = IN_BATCH.fullmatch(fault.field)
        if match:
            wish = wishes[int(match[1])]
            found.setdefault(wish.name, []).append(_fault(wish, match[2], fault))
    named = [wish for wish in wishes if wish.name == refusal.metadata.get("resource")]
    if not refusal.faults and named:
        found[named[0].name] = [Fault(named[0].manifest.place, str(refusal))]
    return found


def _fault(wish: Wish, path: str, fault: refusals.Fault) -> Fault:
    where = f"{wish.name}: {path}: " if path else f"{wish.name}: "
    return Fault(wish.manifest.place_of(path), f"{where}{fault.text} ({fault.reason})")


def _without(wishes: Sequence[Wish], refused: set[str]) -> list[Wish]:
    """Return the wishes that neither are refused nor need what is; they are in order, so one pass tells."""
    left = []
    for wish in wishes:
        if wish.name in refused or refused & set(needed_by(wish.manifest.message)):
            refused.add(wish.name)
        else:
            left.append(wish)
    return left
