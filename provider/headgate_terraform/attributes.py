"""The tree that everything about a kind is derived from: schema, validation, plan and conversion all walk it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

Check: TypeAlias = Callable[[Any], str | None]
"""Returns in words what is wrong with a known value, or None."""


class Nesting(Enum):
    """How many elements an attribute holds and how they are told apart."""

    SINGLE = "single"
    LIST = "list"
    SET = "set"
    MAP = "map"


def unchanged(value: Any) -> Any:
    """Return `value`: how most scalars are converted and compared."""
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A string, number or bool.

    `canonical` maps every spelling of one meaning to one value; `to_field` and `from_field` convert to and from what
    the protobuf field holds.
    """

    type: Literal["string", "number", "bool"]
    checks: tuple[Check, ...] = ()
    canonical: Callable[[Any], Hashable] = unchanged
    to_field: Callable[[Any], Any] = unchanged
    from_field: Callable[[Any], Any] = unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Attributes of which at most one may be set; exactly one if `required`."""

    names: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A message: its attributes in the order of the proto file."""

    attributes: tuple["Attribute", ...]
    choices: tuple[Choice, ...] = ()

    def get(self, name: str) -> "Attribute | None":
        """Return the attribute called `name`, if there is one."""
        return next((a for a in self.attributes if a.name == name), None)

    def of_field(self, name: str) -> "Attribute | None":
        """Return the attribute that shows the field called `name`, or is itself called so."""
        return next((a for a in self.attributes if (a.field.name if a.field else a.name) == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute: what an element is, how many there are, and who sets it.

    `field` is None for attributes that Terraform has and the message has not (`id`, `name`, the parent). `size` bounds
    the number of elements; `key_checks` apply to each key of a map. `volatile` output changes by itself: it is shown by
    data sources only (`views`). `default` is planned where nothing is configured. `key` names the field of a repeated
    message that holds the keys of the map that it is shown as. `write_only` values are in configurations only
    (`secrets`); `version_of` names the one that a version belongs to.
    """

    name: str
    element: Scalar | Object
    nesting: Nesting = Nesting.SINGLE
    required: bool = False
    optional: bool = False
    computed: bool = False
    volatile: bool = False
    immutable: bool = False
    sensitive: bool = False
    write_only: bool = False
    version_of: str = ""
    default: Hashable = None
    key: str = ""
    size: tuple[int, int | None] = (0, None)
    key_checks: tuple[Check, ...] = ()
    description: str = ""
    field: FieldDescriptor | None = None

    @property
    def configurable(self) -> bool:
        """Whether a user may set it."""
        return self.required or self.optional


def canonical(attribute: Attribute, value: Any) -> Hashable:
    """Return something equal for all spellings of one meaning, and different for different meanings.

    null differs from empty; an unknown value equals nothing a state can hold.
    """
    if isinstance(value, list):
        elements = (canonical_element(attribute.element, v) for v in value)
        return frozenset(elements) if attribute.nesting is Nesting.SET else tuple(elements)
    if isinstance(value, dict) and attribute.nesting is Nesting.MAP:
        return frozenset((key, canonical_element(attribute.element, v)) for key, v in value.items())
    return canonical_element(attribute.element, value)


def canonical_element(element: Scalar | Object, value: Any) -> Hashable:
    """Return `canonical` for one element of a collection."""
    if isinstance(element, Object) and isinstance(value, dict):
        return tuple(canonical(a, value[a.name]) for a in element.attributes)
    if isinstance(element, Scalar) and isinstance(value, str | int | float):
        return element.canonical(value)
    return value  # type: ignore[no-any-return]  # null or unknown
