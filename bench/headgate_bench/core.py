"""The controller's core inside of this process: store, writer, compiler and Northbound, without its servers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from headgate_bench.servers import controller_settings
from headgate_controller.config import ControllerConfig
from headgate_controller.leadership import Lead
from headgate_controller.mutations import Create, Request
from headgate_controller.settings import open_database
from headgate_controller.site import Site, read_contents


@asynccontextmanager
async def a_site(directory: Path) -> AsyncIterator[Site]:
    """Lend a site with its store in a directory, connected to the Northbound there, and not yet converging."""
    config = ControllerConfig(**controller_settings(directory))  # type: ignore[arg-type]
    database = open_database(config)
    try:
        site = Site(config, database, Lead.alone(database), read_contents(config, database))
        async with running(site.northbound.run()):
            await site.northbound.ready()
            yield site
        site.writer.close()
    finally:
        database.close()


@asynccontextmanager
async def running(coroutine: Any) -> AsyncIterator[None]:
    """Run a task beside the block."""
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def creations(site: Site, resources: Sequence[Any]) -> Request:
    """Return the request that creates resources, given as messages, as the API would make it."""
    made = []
    for resource in resources:
        codec = site.schema.codec_of(resource.name)
        faults: list[Any] = []
        noun = codec.from_client(resource.name, resource, faults)
        assert not faults, faults
        made.append(Create(codec, codec.with_uid(noun, str(uuid.uuid4()))))
    return Request(made)
