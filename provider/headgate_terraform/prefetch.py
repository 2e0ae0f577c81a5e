"""What a plan reads one by one, listed in few requests as soon as that costs less."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from headgate_terraform.kinds import Kind
from headgate_terraform.listing import Caller, list_page
from headgate_terraform.names import project_of

READS_FOR_A_PAGE = 20
"""Reads of a collection that pay for one page of it. A page costs the two programs about as much as forty Gets; the
collection may hold far more than this configuration manages, so pages are never fetched ahead of the reads."""

PAGE_SECONDS = 10.0
"""How long a page may take, before everything is asked for by name as if there were no pages."""


@dataclass(slots=True)
class _Collection:
    """The resources of a kind in one project, as far as they were listed; `token` is None where nothing follows."""

    found: dict[str, Any] = field(default_factory=dict)
    token: str | None = ""
    reads: int = 0
    pages: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def due(self) -> bool:
        """Whether the reads so far pay for one more page."""
        return self.token is not None and self.reads > READS_FOR_A_PAGE * (self.pages + 1)


class Prefetch:
    """What there is according to lists, since the last change that went through here.

    It says only what there is, never that something is not there: that must be asked for by name.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client
        self._collections: dict[tuple[str, str], _Collection] = {}

    def forget(self) -> None:
        """Drop everything; a list under way serves those that wait for it, and nobody later."""
        self._collections = {}

    async def find(self, kind: Kind, name: str) -> Any:
        """Return the resource as it was listed, or None: then it is to be asked for."""
        pattern = next((p for p in kind.patterns if p.matches(name)), None)
        if pattern is None:
            return None
        parent = pattern.collection(project_of(name))
        collection = self._collections.setdefault((kind.type, parent), _Collection())
        collection.reads += 1
        async with collection.lock:
            if name not in collection.found and collection.due:
                await self._extend(collection, kind, parent)
        return collection.found.get(name)

    async def _extend(self, collection: _Collection, kind: Kind, parent: str) -> None:
        until = time.monotonic() + PAGE_SECONDS
        try:
            found, token = await list_page(self._client, kind, parent, until=until, token=collection.token or "")
        except grpc.aio.AioRpcError:
            collection.token = None
            return
        collection.found.update((message.name, message) for message in found)
        collection.pages += 1
        collection.token = token or None
