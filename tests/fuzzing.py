"""Fuzzing with a kept corpus: inputs are made by damaging those in `tests/corpus`, a folder for each fuzzer.

An input that once broke something is added there as a file, and is tried first from then on. How many inputs are tried
is said by HEADGATE_FUZZ_EXAMPLES; with it they differ from run to run, without it they are always the same.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
VARIABLE = "HEADGATE_FUZZ_EXAMPLES"


def fuzzing(examples: int) -> settings:
    """Return settings for a test that tries so many inputs, unless the environment says how many."""
    return settings(
        max_examples=int(os.environ.get(VARIABLE, examples)),
        derandomize=VARIABLE not in os.environ,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def kept(name: str) -> list[bytes]:
    """Return the inputs that are kept for a fuzzer."""
    found = [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]
    assert found, f"nothing is kept in {CORPUS / name}"
    return found


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Return one of the seeds, or two in one, with up to four damages: bytes lost, changed, doubled, made up."""
    data = bytearray(draw(st.sampled_from(seeds)))
    if draw(st.booleans()):
        data = data[: draw(st.integers(0, len(data)))] + draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 40)))
        piece = bytes(data[begin:end])
        data[begin:end] = draw(
            st.one_of(st.just(b""), st.binary(max_size=8), st.just(piece * 2), st.just(bytes(b ^ 0x20 for b in piece)))
        )
    return bytes(data)


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """Return data cut into pieces of these sizes, and the rest as the last."""
    cut, at = [], 0
    for size in sizes:
        cut.append(data[at : at + size])
        at += size
    return [*cut, data[at:]]
