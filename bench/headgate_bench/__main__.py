"""`./dev bench`: measure how near to the floor Headgate is on this machine."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from headgate_bench.figure import Figure, load
from headgate_bench.machine import circumstances
from headgate_bench.readings import Reading
from headgate_bench.report import HEADING, document, table
from headgate_cli.tables import print_rows


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for; the exit status is 1 if something could not be measured, whatever came out."""
    figures = load()
    parser = _parser(figures)
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.figures if name not in figures]:
        parser.error(f"there is no figure {unknown[0]}; there are {', '.join(figures)}")
    chosen = {name: figures[name] for name in arguments.figures or figures}
    where = circumstances()
    found = {name: readings for name, figure in chosen.items() if (readings := _measured(name, figure)) is not None}
    print(", ".join(f"{key} {value}" for key, value in where.items()), end="\n\n")
    print_rows(HEADING, table(found))
    if arguments.json:
        arguments.json.write_bytes(orjson.dumps(document(found, where), option=orjson.OPT_INDENT_2))
    return int(len(found) < len(chosen))


def _measured(name: str, figure: Figure) -> list[Reading] | None:
    """Return the readings of a figure; None, having said why, if there are none."""
    if figure.needs_root and os.geteuid():
        print(f"{name}: not measured, it needs root for network namespaces", file=sys.stderr)
        return None
    began = time.monotonic()
    try:
        readings = list(figure.measure(figure.sizes))
    except Exception:
        print(f"{name}: not measured\n{traceback.format_exc()}", file=sys.stderr)
        return None
    print(f"{name}: measured in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return readings


def _parser(figures: Mapping[str, Figure]) -> argparse.ArgumentParser:
    lines = [f"  {name:20}  {line.measured}" for name, figure in figures.items() for line in figure.lines]
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="Measure figures, all or those named, each in turn with its floor.",
        epilog="\n".join(["figures:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("figures", nargs="*", metavar="NAME", help="which figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it, samples included, to a file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
