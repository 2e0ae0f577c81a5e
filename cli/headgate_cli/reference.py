"""`python -m headgate_cli.reference`: prints docs/reference/cli.md, made from the commands themselves."""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from inspect import Parameter, cleandoc, signature
from typing import Any, get_args

import typer
from typer.models import ArgumentInfo, OptionInfo

from headgate_cli.__main__ import EXTRA, assemble
from headgate_cli.errors import MEANINGS

INTRODUCTION = f"""\
# The command line

Generated from the program by `./dev gen`; [the guide](../guide/cli.md) shows how it is used.

Kinds may be written in the singular or the plural, in any usual way: `floating_ips`, `floatingIp`, `floating-ip`. A
short name is the ids of a name from the right, as many as are needed: `web`, `shop/web`.

{EXTRA}
"""


def page() -> str:
    """Return the whole page."""
    lines = [INTRODUCTION, "## Exit status\n", "| status | means |\n|---|---|"]
    lines += [f"| {status.value} | {words} |" for status, words in MEANINGS.items()]
    for path, command in sorted(_commands(assemble(), "headgate"), key=lambda found: found[0]):
        lines += ["", *_section(path, command)]
    return "\n".join(lines) + "\n"


def _commands(app: typer.Typer, path: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    for command in app.registered_commands:
        assert command.callback is not None, "every command does something"
        yield f"{path} {command.name or command.callback.__name__.replace('_', '-')}", command.callback
    for group in app.registered_groups:
        assert group.typer_instance is not None, "every group has commands"
        yield from _commands(group.typer_instance, f"{path} {group.name}")


def _section(path: str, command: Callable[..., Any]) -> Iterator[str]:
    parameters = [p for p in signature(command).parameters.values() if p.annotation is not typer.Context]
    described = [(p, _info(p)) for p in parameters]
    arguments = [(_argument(p, info), _help(p, info)) for p, info in described if isinstance(info, ArgumentInfo)]
    options = [(_option(p, info), _help(p, info)) for p, info in described if isinstance(info, OptionInfo)]
    usage = " ".join([path, *(word for word, _ in arguments), *(["[OPTIONS]"] if options else [])])
    yield f"## {path}\n\n`{usage}`\n\n{cleandoc(command.__doc__ or '')}"
    if described:
        yield "\n| | |\n|---|---|"
    yield from (f"| `{word}` | {words} |" for word, words in [*arguments, *options])


def _info(parameter: Parameter) -> ArgumentInfo | OptionInfo:
    found = [info for info in get_args(parameter.annotation) if isinstance(info, ArgumentInfo | OptionInfo)]
    assert found, f"{parameter.name} has no words in its annotation, and would be left out"
    return found[0]


def _argument(parameter: Parameter, info: ArgumentInfo) -> str:
    word = str(info.metavar or parameter.name.upper())
    return word if parameter.default is Parameter.empty or word.startswith("[") else f"[{word}]"


def _option(parameter: Parameter, info: OptionInfo) -> str:
    name = parameter.name.replace("_", "-")
    given = [info.default, *(info.param_decls or ())]  # in an Annotated, Typer keeps the first name as the default
    names = [word for word in given if isinstance(word, str)]
    names = names or [f"--{name}", *([f"--no-{name}"] if parameter.default is True else [])]
    value = "" if bool in _types(parameter) else f" {info.metavar or parameter.name.upper()}"
    return f"{', '.join(names)}{value}"


def _types(parameter: Parameter) -> Sequence[Any]:
    first = get_args(parameter.annotation)[0]
    return get_args(first) or [first]


def _help(parameter: Parameter, info: ArgumentInfo | OptionInfo) -> str:
    words = [info.help or ""]
    choices = [kind for kind in _types(parameter) if isinstance(kind, type) and issubclass(kind, Enum)]
    words += [f"One of {', '.join(choice.value for choice in kind)}." for kind in choices]
    if parameter.default is Parameter.empty:
        words += [] if isinstance(info, ArgumentInfo) else ["Required."]
    elif parameter.default not in (None, "", False, True):
        words.append(f"Default: `{getattr(parameter.default, 'value', parameter.default)}`.")
    words += [f"Environment: `{info.envvar}`."] if info.envvar else []
    return " ".join(words).replace("|", "\\|").strip()


if __name__ == "__main__":
    typer.echo(page(), nl=False)
