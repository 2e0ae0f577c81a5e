"""ovn-trace as a process: however many ask, few run at a time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from headgate_controller.addresses import parse_address
from headgate_controller.ovn.tracer import MOST_AT_ONCE, Tracer
from headgate_controller.tracing.packet import Packet

SLOW = """#!/bin/sh
touch {directory}/running.$$
ls {directory}/running.* | wc -l >> {directory}/seen
sleep 0.05
rm {directory}/running.$$
"""
ADDRESS = parse_address("10.1.0.2")
PACKET = Packet("s", "p", "02:00:00:00:00:01", "02:00:00:00:00:02", ADDRESS, ADDRESS)


def test_many_who_ask_at_once_are_all_answered_by_few_processes_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ovn-trace"
    program.write_text(SLOW.format(directory=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tracer = Tracer("unix:/nowhere")

    async def scenario() -> list[str]:
        return await asyncio.gather(*(tracer.trace(PACKET) for _ in range(12)))

    assert asyncio.run(scenario()) == [""] * 12
    seen = [int(line) for line in (tmp_path / "seen").read_text().split()]
    assert len(seen) == 12
    assert max(seen) <= MOST_AT_ONCE
