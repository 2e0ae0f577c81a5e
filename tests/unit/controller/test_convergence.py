"""What a large pass of the compiler does to the memory of the process."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from kind_site import VPC, Site

from data_plane import Display
from headgate_controller.compile import Compiler
from headgate_controller.journeys import Journeys
from headgate_controller.northbound_rows import COLUMNS
from headgate_controller.ovn import convergence
from headgate_controller.ovn.northbound import Northbound


class Circle:
    """Refers to itself, so that only the collector clears it away: as calls that are refused leave them behind."""

    def __init__(self) -> None:
        self.itself: Any = self


def test_a_large_pass_keeps_none_of_the_garbage_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convergence, "MANY_UNITS", 1)
    site = Site()
    site.create(VPC)
    display = Display(site.schema, site.world)
    compiler = Compiler({codec.kind.noun: codec.kind.compile for codec in site.schema.codecs.values()})
    northbound = Northbound("unix:/nowhere", COLUMNS)
    one = convergence.Convergence(display.committed, compiler, northbound, display.realisation, Journeys())
    gone = weakref.ref(Circle())
    try:
        assert not one._compile(site.world, set(site.world.resources)).empty
        gc.collect()
        assert gone() is None
    finally:
        gc.unfreeze()
