"""Configuration of the programs: frozen dataclasses filled from a TOML file, the environment and flags.

A program declares its keys once, as a dataclass whose fields are `doc(default, "what it is")`; names, types,
defaults and documentation all come from there.
"""

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

PREFIX = "HEADGATE_"
"""What the names of environment variables begin with."""

INSTALLED = Path("/etc/headgate")
"""Where an installed program finds its configuration."""

_DURATION = re.compile(r"(?P<count>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

T = TypeVar("T")


class ConfigError(ValueError):
    """The configuration cannot be used; the message names every fault, the rule it breaks and the fix."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def doc(default: T, text: str) -> T:
    """Return a dataclass field with `default` and its documentation.

    Lists and dictionaries are copied for each instance, so they may be given as they are.
    """
    metadata = {"doc": text}
    if isinstance(default, list | dict):
        field: Any = dataclasses.field(default_factory=default.copy, metadata=metadata)
    else:
        field = dataclasses.field(default=default, metadata=metadata)
    return field  # type: ignore[no-any-return]  # a field stands in for its default, as dataclasses do


def installed(name: str) -> Path | None:
    """Return the configuration that an installed program finds by itself; None if there is none on this machine."""
    path = INSTALLED / name
    return path if path.exists() else None


def load(cls: type[T], path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> T:
    """Return a `cls` from the TOML file at `path`, then `environ`, then `flags`; later ones win.

    Environment variables are `HEADGATE_<KEY>`, with `_` between the names of nested keys; lists are separated by
    commas, dictionaries are `key=value` pairs separated by commas. Variables that name no key are somebody else's.
    Flags are keyed like TOML, nested ones with dots; a flag that is None was not given.

    Raises:
        ConfigError: a key is unknown, a value does not fit its field, or the file cannot be read. All faults at once.
    """
    faults: list[str] = []
    values = _from_file(path, faults)
    for name, hint in _leaves(cls):
        text = environ.get(PREFIX + name.replace(".", "_").upper())
        if text is not None:
            _put(values, name, _Text(text, hint))
    known = {name for name, _ in _leaves(cls)}
    for name, value in flags.items():
        if value is None:
            continue
        if name not in known:
            faults.append(_unknown(name, known))
        else:
            _put(values, name, _Text(value, dict(_leaves(cls))[name]) if isinstance(value, str) else value)
    made = _dataclass(cls, values, "", faults)
    if faults:
        raise ConfigError(faults)
    return typing.cast(T, made)


@dataclasses.dataclass(frozen=True)
class _Text:
    """A value that came as text, from the environment or a flag, and the type it is meant for."""

    text: str
    hint: Any


def _from_file(path: Path | None, faults: list[str]) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        faults.append(f"{path}: {error.strerror}; give a file that can be read.")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: this is not TOML: {error}.")
    return {}


def _leaves(cls: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the type of every key that a flag or a variable can name."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            yield from _leaves(hint, f"{prefix}{field.name}.")
        elif not _holds_dataclasses(hint):
            yield prefix + field.name, hint


def _holds_dataclasses(hint: Any) -> bool:
    return typing.get_origin(hint) is dict and dataclasses.is_dataclass(typing.get_args(hint)[1])


def _put(values: dict[str, Any], name: str, value: object) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        inner = values.setdefault(parent, {})
        if not isinstance(inner, dict):
            return  # the file holds something else there, which is reported as that
        values = inner
    values[last] = value


def _dataclass(cls: Any, values: object, where: str, faults: list[str]) -> object:
    if not isinstance(values, dict):
        faults.append(f"{where}: expected a table, got {values!r}; write it as [{where}].")
        return None
    hints = typing.get_type_hints(cls)
    prefix = f"{where}." if where else ""
    arguments = {}
    for key, value in values.items():
        if key not in hints:
            faults.append(_unknown(prefix + key, {prefix + name for name in hints}))
        else:
            arguments[key] = _convert(hints[key], value, prefix + key, faults)
    return cls(**arguments)


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}."
    return f"{name}: there is no such key; {fix}"


def _convert(hint: Any, value: object, where: str, faults: list[str]) -> object:
    try:
        if isinstance(value, _Text):
            return _parse(hint, value.text)
        if dataclasses.is_dataclass(hint):
            return _dataclass(hint, value, where, faults)
        if _holds_dataclasses(hint) and isinstance(value, dict):
            inner = typing.get_args(hint)[1]
            return {key: _dataclass(inner, item, f"{where}.{key}", faults) for key, item in value.items()}
        return _check(hint, value)
    except ValueError as error:
        shown = value.text if isinstance(value, _Text) else value
        faults.append(f"{where}: expected {error}; got {shown!r}.")
        return None


def _check(hint: Any, value: object) -> object:
    """Return `value`, which came from TOML and so has a type, as `hint`; a ValueError says what was expected."""
    origin = typing.get_origin(hint)
    if origin is list and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if origin is dict and isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return value
    if hint is timedelta and isinstance(value, str):
        return _duration(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    raise ValueError(_EXPECTED.get(origin or hint, "something else"))


def _parse(hint: Any, text: str) -> object:
    """Return `text`, from the environment or a flag, as `hint`; a ValueError says what was expected."""
    parse = _PARSERS[typing.get_origin(hint) or hint]
    try:
        return parse(text)
    except (ValueError, KeyError):
        raise ValueError(_EXPECTED[typing.get_origin(hint) or hint]) from None


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(_EXPECTED[timedelta])
    return float(match["count"]) * _UNITS[match["unit"]]


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _pairs(text: str) -> dict[str, str]:
    pairs = [item.split("=", 1) for item in _items(text)]
    return {key.strip(): value.strip() for key, value in pairs}


_PARSERS: Mapping[Any, Callable[[str], object]] = types.MappingProxyType(
    {
        str: str,
        int: int,
        float: float,
        bool: lambda text: _TRUTH[text.strip().lower()],
        timedelta: _duration,
        list: _items,
        dict: _pairs,
    }
)
_EXPECTED: Mapping[Any, str] = types.MappingProxyType(
    {
        str: "text in quotes",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        timedelta: 'a duration such as "15s", "250ms" or "5m"',
        list: 'a list of texts such as ["a", "b"]',
        dict: 'a table of texts such as { a = "b" }',
    }
)
