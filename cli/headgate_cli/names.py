"""Resource names as people write them: `projects/shop/vpcs/a/subnets/web` in full, `a/web` or `web` in short.

The short form is the ids alone, from the right; it is read within one project.
"""

from collections.abc import Iterable, Iterator

ANY = "-"
"""In the parent of a list request: whatever the id is. Source: AIP-159."""

PROJECT = "{project}"


def is_full(patterns: Iterable[str], text: str) -> bool:
    """Whether `text` has one of the forms, as far as its collections tell."""
    segments = text.split("/")
    return all(segments) and any(
        len(segments) == len(pattern.split("/")) and segments[::2] == pattern.split("/")[::2] for pattern in patterns
    )


def expand(patterns: Iterable[str], project: str, short: str) -> Iterator[str]:
    """Yield the full names that `short` is, if it holds all ids but the project's."""
    for pattern in patterns:
        segments = pattern.split("/")
        ids = short.split("/")
        if PROJECT in segments:
            ids.insert(0, project)
        if len(ids) * 2 == len(segments) and all(ids):
            yield "/".join(part for pair in zip(segments[::2], ids, strict=True) for part in pair)


def parents(patterns: Iterable[str], project: str) -> list[str]:
    """Return the parents, each once, that hold every resource of a kind in a project; the empty one has no parent."""
    found = []
    for pattern in patterns:
        holders = pattern.split("/")[:-2]
        found.append("/".join(_chosen(segment, project) for segment in holders))
    return list(dict.fromkeys(found))


def _chosen(segment: str, project: str) -> str:
    if segment == PROJECT:
        return project
    return ANY if segment.startswith("{") else segment


def shorten(name: str, project: str) -> str:
    """Return the ids of a name; one of another project stays as it is."""
    segments = name.split("/")
    if segments[0] != "projects":
        return "/".join(segments[1::2])
    return "/".join(segments[3::2]) if segments[1] == project else name


def ends_with(name: str, short: str) -> bool:
    """Whether the last ids of a full name are those of `short`."""
    ids, wanted = name.split("/")[1::2], short.split("/")
    return ids[-len(wanted) :] == wanted
