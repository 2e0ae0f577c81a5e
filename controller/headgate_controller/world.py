"""World: all intent at one revision, immutable; Draft: the next World; views: named questions to either.

Opening a Draft costs nothing at any size, and a failed step is undone by going on with the Draft from before it.
Validation and compile ask the same questions through the same views: a World just computes the answer, the compiler
also remembers who asked (`compile.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import wraps
from itertools import count
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from immutables import Map

from headgate_controller.addresses import RESERVED, Reserved

Entry = tuple[str, Hashable]
"""Where a noun is found: the name of an index, and a key in it."""

Index = Map[Entry, Map[str, None]]
"""The names found at each entry; none is empty."""


class Noun(Protocol):
    """What a World holds: one resource as a frozen value."""

    @property
    def name(self) -> str:
        """The resource name."""

    def entries(self) -> Iterable[Entry]:
        """Return the index entries it is found by; references to others are ("referrers", their name)."""

    def taken(self) -> Iterable[tuple[str, int]]:
        """Return the numbers it holds, each with the pool it is from."""


N = TypeVar("N")
A = TypeVar("A")
P = ParamSpec("P")

CHUNK_BITS = 12
CHUNK = 1 << CHUNK_BITS
FULL = (1 << CHUNK) - 1


class Pool:
    """The numbers taken of one range, immutable; every operation costs the same for an IPv4 /28 and an IPv6 /64."""

    __slots__ = ("_chunks",)

    def __init__(self, chunks: Map[int, int] | None = None) -> None:
        self._chunks = Map() if chunks is None else chunks

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Pool:
        """Return an empty pool in which each of the numbers is flipped in turn."""
        chunks: defaultdict[int, int] = defaultdict(int)
        for number in numbers:
            chunks[number >> CHUNK_BITS] ^= 1 << (number & (CHUNK - 1))
        return cls(Map({at: bits for at, bits in chunks.items() if bits}))

    def __contains__(self, number: int) -> bool:
        return bool(self._chunks.get(number >> CHUNK_BITS, 0) >> (number & (CHUNK - 1)) & 1)

    def flip(self, number: int) -> Pool:
        """Return the pool with `number` taken if it was free, free if it was taken."""
        at = number >> CHUNK_BITS
        bits = self._chunks.get(at, 0) ^ (1 << (number & (CHUNK - 1)))
        return Pool(self._chunks.set(at, bits) if bits else self._chunks.delete(at))

    def lowest_free(self, first: int, last: int) -> int | None:
        """Return the lowest free number from `first` to `last`, both included; None if all are taken."""
        at = first >> CHUNK_BITS
        below = (1 << (first & (CHUNK - 1))) - 1
        while at << CHUNK_BITS <= last:
            bits = self._chunks.get(at, 0) | below
            if bits != FULL:
                free = (at << CHUNK_BITS) + (~bits & (bits + 1)).bit_length() - 1
                return free if free <= last else None
            at, below = at + 1, 0
        return None

    def count(self, first: int, last: int) -> int:
        """Return how many numbers from `first` to `last`, both included, are taken; the cost grows with these alone."""
        taken = 0
        for at, bits in self._chunks.items():
            low, high = max(first - (at << CHUNK_BITS), 0), min(last - (at << CHUNK_BITS), CHUNK - 1)
            if low <= high:
                taken += (bits >> low & ((1 << (high - low + 1)) - 1)).bit_count()
        return taken


EMPTY_POOL = Pool()
EMPTY_GROUP: Map[str, None] = Map()


class Answers(Protocol):
    """What a view may ask: a World, or the compiler that remembers who asked what."""

    def get(self, kind: type[N], name: str) -> N | None:
        """Return the resource if it is there and of that kind."""

    def group(self, index: str, key: Hashable) -> Map[str, None]:
        """Return the names found in an index under a key; empty if none."""

    def ask(self, view: View, args: tuple[Hashable, ...]) -> object:
        """Return the answer of a view."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One named question. A view may ask only views defined before it, which its rank tells."""

    name: str
    rank: int
    compute: Callable[..., object]


_ranks = count()


def view(compute: Callable[Concatenate[Answers, P], A]) -> Callable[Concatenate[Answers, P], A]:
    """Make a function of (Answers, hashable arguments) a view.

    The compiler remembers its answer, and asks again only when what it read changed. The answer must be a small value
    of only what its readers use: whatever else changes then recompiles none of them.
    """
    question = View(compute.__name__, next(_ranks), compute)

    @wraps(compute)
    def asked(world: Answers, /, *args: P.args, **kwargs: P.kwargs) -> A:
        assert not kwargs, "views take positional arguments only"
        return cast(A, world.ask(question, args))

    return asked


@dataclass(frozen=True, slots=True)
class World:
    """All intent at one revision."""

    revision: int = 0
    resources: Map[str, Noun] = field(default_factory=Map)
    index: Index = field(default_factory=Map)
    pools: Map[str, Pool] = field(default_factory=Map)
    reserved: Reserved = RESERVED

    def get(self, kind: type[N], name: str) -> N | None:
        """Return the resource if it is there and of that kind."""
        noun = self.resources.get(name)
        return noun if isinstance(noun, kind) else None

    def group(self, index: str, key: Hashable) -> Map[str, None]:
        """Return the names found in an index under a key; empty if none."""
        return self.index.get((index, key), EMPTY_GROUP)

    def ask(self, view: View, args: tuple[Hashable, ...]) -> object:
        """Return the answer of a view, computed now."""
        return view.compute(self, *args)

    def pool(self, owner: str) -> Pool:
        """Return what is taken of the pool of that owner."""
        return self.pools.get(owner, EMPTY_POOL)

    def of_kind(self, kind: type[N]) -> Iterator[N]:
        """Yield all resources of a kind, in no particular order; O(size of the World)."""
        return (noun for noun in self.resources.values() if isinstance(noun, kind))

    def replace(self, before: Noun | None, after: Noun | None) -> World:
        """Return the World with one noun exchanged for another of the same name; None stands for absence."""
        name = (after or before).name  # type: ignore[union-attr]
        resources = self.resources.delete(name) if after is None else self.resources.set(name, after)
        index = _reindexed(self.index, name, before, after)
        pools = _repooled(self.pools, before, after)
        return World(self.revision, resources, index, pools, self.reserved)

    def filled(self, nouns: Iterable[Noun]) -> World:
        """Return the World with these nouns instead of its own: what `replace` makes of them one by one, at a fraction
        of the cost.
        """
        resources: dict[str, Noun] = {noun.name: noun for noun in nouns}
        groups: defaultdict[Entry, dict[str, None]] = defaultdict(dict)
        taken: defaultdict[str, list[int]] = defaultdict(list)
        for name, noun in resources.items():
            for entry in noun.entries():
                groups[entry][name] = None
            for owner, number in set(noun.taken()):
                taken[owner].append(number)
        index: Index = Map({entry: Map(names) for entry, names in groups.items()})
        pools = Map({owner: Pool.of(numbers) for owner, numbers in taken.items()})
        return World(self.revision, Map(resources), index, pools, self.reserved)


def _reindexed(index: Index, name: str, before: Noun | None, after: Noun | None) -> Index:
    old = set(before.entries()) if before else set()
    new = set(after.entries()) if after else set()
    for entry in old - new:
        group = index[entry].delete(name)
        index = index.set(entry, group) if group else index.delete(entry)
    for entry in new - old:
        index = index.set(entry, index.get(entry, EMPTY_GROUP).set(name, None))
    return index


def _repooled(pools: Map[str, Pool], before: Noun | None, after: Noun | None) -> Map[str, Pool]:
    old = set(before.taken()) if before else set()
    new = set(after.taken()) if after else set()
    for owner, number in old ^ new:
        pools = pools.set(owner, pools.get(owner, EMPTY_POOL).flip(number))
    return pools


EMPTY_WORLD = World()


@dataclass(frozen=True, slots=True)
class Draft:
    """The next World, and the names that differ from the World it was opened on."""

    world: World
    touched: Map[str, None] = field(default_factory=Map)

    def put(self, noun: Noun) -> Draft:
        """Return the Draft with the noun in place of what had its name, if anything."""
        return Draft(self.world.replace(self.world.resources.get(noun.name), noun), self.touched.set(noun.name, None))

    def remove(self, name: str) -> Draft:
        """Return the Draft without the resource of that name, which must be there."""
        return Draft(self.world.replace(self.world.resources[name], None), self.touched.set(name, None))

    def commit(self, revision: int) -> World:
        """Return the World at its revision."""
        return replace(self.world, revision=revision)
