"""What a state says of itself is found without holding anybody up."""

import asyncio
import json
import threading
from hashlib import md5
from typing import Any

import pytest

from headgate_controller.errors import InvalidError
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


def test_the_sum_of_a_state_is_made_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def noted(content: bytes, *, usedforsecurity: bool) -> Any:
        threads.append(threading.current_thread())
        return md5(content, usedforsecurity=usedforsecurity)

    monkeypatch.setattr(states, "md5", noted)
    assert asyncio.run(states._md5(b"")) == "1B2M2Y8AsgTpgAmY7PhCfg=="
    assert threading.main_thread() not in threads
    assert threads
