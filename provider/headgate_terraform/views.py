"""What of a kind's attribute tree is shown where: to those who manage a resource, and to those who look at it."""

from dataclasses import replace

from headgate_terraform.attributes import Attribute, Object, Scalar


def settled(shape: Object) -> Object:
    """Return `shape` without what changes by itself: in a resource that would be drift which nobody caused."""
    return replace(
        shape,
        attributes=tuple(
            replace(a, element=a.element if isinstance(a.element, Scalar) else settled(a.element))
            for a in shape.attributes
            if not a.volatile
        ),
    )


def observed(shape: Object) -> Object:
    """Return `shape` as an answer: everything in it that the API says, and nothing to configure."""
    said = (a for a in shape.attributes if not a.write_only and not a.version_of)
    return Object(attributes=tuple(map(_observed, said)))


def _observed(attribute: Attribute) -> Attribute:
    element = attribute.element if isinstance(attribute.element, Scalar) else observed(attribute.element)
    return replace(
        attribute, element=element, required=False, optional=False, computed=True, immutable=False, default=None
    )
