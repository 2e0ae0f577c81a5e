"""The caller of the request that is being served, as every task that serves one can see."""

from __future__ import annotations

from contextvars import ContextVar

from headgate_controller.principal import Principal

caller: ContextVar[Principal] = ContextVar("caller")
"""Set by the gate before a method runs; to ask where nothing was let in is a LookupError."""
