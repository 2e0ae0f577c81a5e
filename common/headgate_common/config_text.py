"""A program's configuration as text: what it runs with, as TOML, and what there is to configure, as a page.

Both come from the dataclass that declares the keys (`config.py`).
"""

import dataclasses
import json
import re
import typing
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from headgate_common.config import PREFIX

WIDTH = 118
PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^@\s]+(?=@)")
"""A password in a URL, which is nobody's business but the program's; drivers of databases take a slash in it."""

BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(config: Any) -> str:
    """Return what a program runs with: every key with what it means, valid as the program's configuration file.

    Passwords in URLs are not shown: `***` stands for them.
    """
    return "\n".join(_plain(config)) + "\n" + "".join(f"\n{line}" for line in _tables(config, "")).rstrip() + "\n"


def without_passwords(text: str) -> str:
    """Return a text in which `***` stands for the passwords of URLs."""
    return PASSWORD.sub(r"\1:***", text)


def to_page(cls: type[Any], title: str, introduction: str) -> str:
    """Return a page of Markdown: each key with its type, default and meaning."""
    lines = [f"## {title}", "", introduction, "", "| key | type | default | what it is |", "|---|---|---|---|"]
    lines += [f"| `{key}` | {kind} | {default} | {text} |" for key, kind, default, text in _keys(cls, "")]
    return "\n".join(lines) + "\n"


def _plain(config: Any) -> Iterator[str]:
    """Yield the lines of the keys that are no tables, which TOML wants first."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if not _is_table(value):
            yield from _remark(field.metadata["doc"])
            yield f"{field.name} = {_toml(value)}\n"


def _tables(config: Any, prefix: str) -> Iterator[str]:
    """Yield the lines of the keys that are tables; one that is empty is shown as a remark."""
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), f"{prefix}{field.name}"
        if not _is_table(value):
            continue
        yield from _remark(field.metadata["doc"])
        if dataclasses.is_dataclass(value):
            yield f"[{name}]\n" + "\n".join(_plain(value))
            yield from _tables(value, f"{name}.")
        elif any(dataclasses.is_dataclass(inner) for inner in value.values()):
            for key, inner in value.items():
                yield f"[{name}.{_key(key)}]\n" + "\n".join(_plain(inner))
        else:
            yield f"[{name}]\n" + "\n".join(f"{_key(key)} = {_toml(inner)}" for key, inner in value.items()) + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (dataclasses.is_dataclass(value) and not isinstance(value, type))


def _remark(text: str) -> Iterator[str]:
    line = "#"
    for word in text.split():
        if len(line) + len(word) >= WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    yield line


def _toml(value: object) -> str:
    match value:
        case bool() | int() | float():
            return json.dumps(value)
        case timedelta():
            return f'"{_duration(value)}"'
        case list():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case dict():
            return "{" + ", ".join(f"{_key(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(without_passwords(str(value)), ensure_ascii=False)


def _duration(value: timedelta) -> str:
    milliseconds = round(value / timedelta(milliseconds=1))
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _key(text: str) -> str:
    return text if BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _keys(cls: type[Any], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, type, default and meaning of everything that can be configured."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint, name = hints[field.name], f"{prefix}{field.name}"
        inner = typing.get_args(hint)[1] if typing.get_origin(hint) is dict else hint
        text = str(field.metadata["doc"]).replace("|", "\\|")
        if dataclasses.is_dataclass(inner):
            if inner is not hint:
                name += ".NAME"
                yield f"[{name}]", "table", "", text
            yield from _keys(typing.cast(type[Any], inner), f"{name}.")
        else:
            yield name, _type_words(hint), f"`{_toml(_default(field))}`", text


def _default(field: dataclasses.Field[Any]) -> object:
    return field.default_factory() if callable(field.default_factory) else field.default


def _type_words(hint: Any) -> str:
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", timedelta: "duration"}
    return words.get(hint) or {list: "list of texts", dict: "table of texts"}[typing.get_origin(hint)]


def introduction_of(program: str) -> str:
    """Return how the configuration of a program is given, for its page."""
    return (
        f"`{program} --config FILE` reads these keys from a TOML file; each may also be given in the environment, as "
        f"`{PREFIX}` and the key in capitals, lists separated by commas. `{program} --print-config` shows what it "
        "runs with. Unknown keys are refused."
    )
