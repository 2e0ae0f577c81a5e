"""What Terraform asks of a data source, as calls of the API."""

import time
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio

from headgate_common.refusals import read_refusal
from headgate_terraform.attributes import Object
from headgate_terraform.client import Client
from headgate_terraform.conversion import extract
from headgate_terraform.data_sources import DataSource
from headgate_terraform.kinds import Kind
from headgate_terraform.lifecycle import Outcome
from headgate_terraform.listing import list_all
from headgate_terraform.paths import Path, Problem
from headgate_terraform.refusals import explain
from headgate_terraform.settings import Settings
from headgate_terraform.validation import validate
from headgate_terraform.values import UNKNOWN, Value


def validate_query(source: DataSource, config: dict[str, Value]) -> Iterator[Problem]:
    """Yield what is wrong with a data source's configuration; values not known yet are passed over."""
    yield from validate(source.shape, config)
    parent = source.kind.shape.get(source.kind.parent)
    if parent and parent.required and config[parent.name] is None and config.get("name") is not None:
        words = f"A {source.kind.type} is told by its name and its {parent.name}; set {parent.name} too, or id instead."
        yield Problem(f"Missing {parent.name}", words, Path(("name",)))


class Queries:
    """Reads data sources of any kind through one provider block."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client

    async def read(self, source: DataSource, config: dict[str, Value]) -> Outcome:
        """Return what there is. A failure is a problem, and so is nothing where exactly one was asked for."""
        places = self._places(source, config)
        if UNKNOWN in places:
            words = "The provider's project is not known yet. Set project here, or an id."
            return Outcome(None, [Problem("Unknown project", words)])
        until = time.monotonic() + self._settings.deadline
        try:
            if source.collection:
                return Outcome(await self._many(source, config, places, until))
            return await self._one(source, config, places[0], until)
        except grpc.aio.AioRpcError as error:
            return Outcome(None, list(explain(source.kind, places[0], read_refusal(error), source.shape)))

    def _places(self, source: DataSource, config: dict[str, Value]) -> list[Value]:
        """Return the name of the one resource that is meant, or the parents of those that are; UNKNOWN if they are."""
        kind = source.kind
        if config.get("id") is not None:
            return [config["id"]]
        parent = config[kind.parent] if kind.parent else None
        project = config.get("project") or self._settings.project
        if kind.in_project and parent is None and project is UNKNOWN:
            return [UNKNOWN]
        if not source.collection:
            return [kind.compose(config, project)]
        return [parent] if parent else list(dict.fromkeys(p.collection(project) for p in kind.patterns))

    async def _one(self, source: DataSource, config: dict[str, Value], name: str, until: float) -> Outcome:
        method = source.kind.method("Get")
        request: Any = method.request(name=name)
        try:
            message = await self._client.call(method, request, until=until, grace=0)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            told_by = Path(("name" if config["id"] is None else "id",))
            return Outcome(None, [Problem("Not found", f"There is no {name}.", told_by)])
        return Outcome(_shown(source.kind, source.shape, message, config))

    async def _many(
        self, source: DataSource, config: dict[str, Value], parents: list[str], until: float
    ) -> dict[str, Value]:
        collection = source.shape.get(source.collection)
        assert collection is not None
        assert isinstance(collection.element, Object)
        selection = config["filter"] or ""
        found = [
            _shown(source.kind, collection.element, message, None)
            for parent in parents
            async for message in list_all(self._client, source.kind, parent, until=until, selection=selection)
        ]
        return {**config, source.collection: sorted(found, key=lambda resource: resource["id"])}


def _shown(kind: Kind, shape: Object, message: Any, reference: Value) -> dict[str, Any]:
    return {**extract(message, shape, reference), **kind.identity(message.name)}
