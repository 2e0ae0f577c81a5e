"""What a shell offers after a word: kinds, and the names of resources that a controller has."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from headgate_cli.kinds import Kind

SECONDS = 2.0
"""How long a shell is kept waiting for names; then it gets none."""

MOST = 500
"""Names that are offered."""


def kinds(incomplete: str) -> list[str]:
    """Return the kinds that a word may become; after a comma a further one."""
    from headgate_cli.kinds import ALL
    from headgate_cli.selection import known_kinds

    before, comma, last = incomplete.rpartition(",")
    known = [word for kind in known_kinds().values() for word in (kind.plural, kind.type)]
    return [f"{before}{comma}{word}" for word in [*known, ALL] if word.startswith(last)]


def names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the short names of resources of the kind that was written before."""
    return _names(context, str(context.params.get("kinds") or ""), incomplete)


def kind_or_name(context: typer.Context, incomplete: str) -> list[str]:
    """Return kinds for a first word, and names of that kind for a second."""
    written = [word for word in context.params.get("name") or () if word]
    if written and not (len(written) == 1 and written[0] == incomplete):
        return _names(context, written[0], incomplete)
    return [word for word in kinds(incomplete) if "," not in word]


def hosts(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of hosts."""
    return _names(context, "hosts", incomplete)


def _names(context: typer.Context, kind_word: str, incomplete: str) -> list[str]:
    from headgate_cli.errors import CliError
    from headgate_cli.kinds import find_kinds
    from headgate_cli.names import shorten
    from headgate_cli.selection import known_kinds

    project = str(context.params.get("project") or "default")
    try:
        found = [r.name for kind in find_kinds(known_kinds(), kind_word) for r in _listed(context, kind, project)]
    except CliError:
        return []
    short = [shorten(name, project) for name in found]
    return [word for word in (*short, *(name for name in found if "/" in incomplete)) if word.startswith(incomplete)]


def _listed(context: typer.Context, kind: "Kind", project: str) -> list[Any]:
    from headgate_cli.connection import dialled
    from headgate_cli.names import parents

    method, api = kind.method("List"), dialled(context)
    found: list[Any] = []
    for parent in parents(kind.patterns, project):
        fields: dict[str, Any] = {"page_size": MOST} | ({"parent": parent} if parent else {})
        page = api.call(method, method.request(**fields), SECONDS)
        found += getattr(page, page.DESCRIPTOR.fields[0].name)
    return found
