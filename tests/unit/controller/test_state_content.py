"""What a state says of itself is found without holding anybody up."""

import asyncio
import json
import sys
import threading
from hashlib import md5
from typing import Any

import pytest

from headgate_controller.errors import InvalidError, UnavailableError
from headgate_controller.store import state_content
from headgate_controller.store.state_content import LARGE, serial_of
from headgate_controller.web import states


def state(size: int, **more: Any) -> bytes:
    return json.dumps({"version": 4, "serial": 7, "outputs": {"o": {"value": "x" * size}}, **more}).encode()


@pytest.mark.parametrize("size", [0, LARGE])
def test_a_state_of_any_size_tells_its_serial_and_one_cut_off_is_refused(size: int) -> None:
    assert serial_of(state(size)) == 7
    assert serial_of(state(size, serial="seven")) is None
    for wrong in (state(size)[:-1], b"[%b]" % state(size), b'"%b"' % (b"\xff" * max(1, size))):
        with pytest.raises(InvalidError, match="cut off"):
            serial_of(wrong)


def test_a_large_state_is_read_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(state_content, "parsed")
    assert serial_of(state(LARGE)) == 7


@pytest.mark.parametrize("what", ["import os; os.kill(os.getpid(), 15)", "raise MemoryError"])
def test_a_state_whose_reader_is_ended_is_to_be_sent_again_and_not_called_broken(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(state_content, "READER", what)
    with pytest.raises(UnavailableError, match="repeat"):
        serial_of(state(LARGE))


def test_without_room_for_a_process_a_state_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(UnavailableError, match="No such file"):
        serial_of(state(LARGE))


def test_the_sum_of_a_state_is_made_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def noted(content: bytes, *, usedforsecurity: bool) -> Any:
        threads.append(threading.current_thread())
        return md5(content, usedforsecurity=usedforsecurity)

    monkeypatch.setattr(states, "md5", noted)
    assert asyncio.run(states._md5(b"")) == "1B2M2Y8AsgTpgAmY7PhCfg=="
    assert threading.main_thread() not in threads
    assert threads
