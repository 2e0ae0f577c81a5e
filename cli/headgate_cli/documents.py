"""Files of resources: YAML or JSON, one document or many, with the line of everything in them.

Only the shape is read here, never a value: what a text means depends on the field that it is for, and YAML's own
guesses (an Ethernet address that reads as a number of base 60, a name that reads as false) are not asked.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headgate_cli.errors import CliError, Status

STDIN = "-"
SUFFIXES = (".yaml", ".yml", ".json")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOTHING = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a document of a file; documents count from 1 and are told only where there are several."""

    file: str
    line: int
    document: int = 0

    def __str__(self) -> str:
        """Return it as compilers write it."""
        return f"{self.file}:{self.line}" + (f" (document {self.document})" if self.document else "")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something wrong in a file, and what to do about it."""

    place: Place
    text: str

    def __str__(self) -> str:
        """Return it as one line, more if the text has more."""
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file: a mapping whose values have not been read yet."""

    file: str
    number: int
    node: yaml.MappingNode

    def place(self, node: yaml.Node | None = None) -> Place:
        """Return where something in it stands, or where it begins."""
        return Place(self.file, (node or self.node).start_mark.line + 1, self.number)


def read_sources(sources: Sequence[str], faults: list[Fault]) -> list[Document]:
    """Return the objects of files, of all files in folders, or of standard input ("-"), in order.

    Raises:
        CliError: a source is not there or cannot be read.
    """
    return [document for name, text in _texts(sources) for document in read_text(name, text, faults)]


def _texts(sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    for source in sources:
        if source == STDIN:
            yield "standard input", _decoded("standard input", sys.stdin.buffer.read())
        else:
            for file in _files(Path(source)):
                yield str(file), _decoded(str(file), _bytes(file))


def _files(source: Path) -> list[Path]:
    if not source.exists():
        raise CliError(f"There is no file or folder {source}.", Status.USAGE)
    if not source.is_dir():
        return [source]
    found = sorted(file for file in source.rglob("*") if file.suffix in SUFFIXES and _is_shown(file, source))
    if not found:
        raise CliError(f"The folder {source} holds no file that ends in {', '.join(SUFFIXES)}.", Status.USAGE)
    return found


def _is_shown(file: Path, folder: Path) -> bool:
    return file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}.") from error


def _decoded(name: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CliError(
            f"{name}:{line}: The byte {error.object[error.start]:#04x} is not UTF-8; save it as that."
        ) from error


def read_text(name: str, text: str, faults: list[Fault]) -> list[Document]:
    """Return the objects of a text; what cannot be read is a fault, and ends it."""
    if text.lstrip()[:1] in ("{", "["):
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML not
    nodes: list[yaml.Node] = []
    try:
        nodes.extend(yaml.compose_all(text, LOADER))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        line = mark.line + 1 if mark else 1
        faults.append(Fault(Place(name, line, 0), f"It cannot be read as YAML or JSON: {problem}."))
        return []
    several = len(nodes) > 1
    return [d for n, node in enumerate(nodes, 1) for d in _objects(name, n if several else 0, node, faults)]


def _objects(name: str, number: int, node: yaml.Node, faults: list[Fault]) -> Iterator[Document]:
    for element in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if isinstance(element, yaml.MappingNode):
            yield Document(name, number, element)
        elif element is not None and element.tag != NOTHING:
            text = 'It is no object; write one as "name: projects/p/vpcs/shop" and its fields, each on a line.'
            faults.append(Fault(Place(name, element.start_mark.line + 1, number), text))
