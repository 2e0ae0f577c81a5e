"""A controller that serves kitchen sinks (tests/new_kind): a kind with a field of every sort."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller_site import Controller, central, controlling
from google.protobuf.descriptor import Descriptor

FOLDER = Path(__file__).parents[1] / "new_kind"
MODULE = "headgate_test.v1.kitchen_sink_pb2"
EXTRA_PROTOS = {"HEADGATE_EXTRA_PROTOS": MODULE, "PYTHONPATH": str(FOLDER)}


@contextmanager
def kitchen(directory: Path, **own: Any) -> Iterator[Controller]:
    """Run such a controller, with settings of its `own`, and what it needs, while the block runs."""
    with central(directory / "ovn") as site:
        settings = {"extra_kinds": ["headgate_test.kitchen_sink"]} | own
        made = Controller(directory / "controller", site, variables={"PYTHONPATH": str(FOLDER)}, **settings)
        with controlling(made) as running:
            yield running


def kitchen_sink() -> Descriptor:
    """Return the kind; its folder must be on the path."""
    found: Descriptor = importlib.import_module(MODULE).KitchenSink.DESCRIPTOR
    return found
