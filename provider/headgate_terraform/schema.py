"""Attribute trees as the schema messages of Terraform's protocol."""

import json
from collections.abc import Iterable, Mapping

from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.attributes import Attribute, Nesting, Object, Scalar
from headgate_terraform.data_sources import DataSource
from headgate_terraform.kinds import Kind

_NESTINGS: Mapping[Nesting, tf.Schema.Object.NestingMode] = {
    Nesting.SINGLE: tf.Schema.Object.SINGLE,
    Nesting.LIST: tf.Schema.Object.LIST,
    Nesting.SET: tf.Schema.Object.SET,
    Nesting.MAP: tf.Schema.Object.MAP,
}

ID = Attribute(
    name="id",
    element=Scalar(type="string"),
    computed=True,
    description="The resource name, by which others refer to it and by which it is imported.",
)
"""The attribute that every resource has besides its kind's own."""


def kind_schema(kind: Kind, comments: Mapping[str, str]) -> tf.Schema:
    """Return the schema of a kind's resources. Version 0 for as long as changes only add or remove attributes."""
    return block_schema((ID, *kind.shape.attributes), comments.get(kind.message.full_name, ""), comments)


def query_schema(source: DataSource, comments: Mapping[str, str]) -> tf.Schema:
    """Return the schema of a data source."""
    return block_schema(source.shape.attributes, source.description, comments)


def block_schema(attributes: Iterable[Attribute], description: str, comments: Mapping[str, str]) -> tf.Schema:
    """Return the schema of one block of a configuration."""
    block = tf.Schema.Block(attributes=[_attribute(a, comments) for a in attributes], description=description)
    return tf.Schema(block=block)


def _attribute(attribute: Attribute, comments: Mapping[str, str]) -> tf.Schema.Attribute:
    comment = comments.get(attribute.field.full_name, "") if attribute.field else ""
    described = tf.Schema.Attribute(
        name=attribute.name,
        description=attribute.description or comment,
        required=attribute.required,
        optional=attribute.optional,
        computed=attribute.computed,
        sensitive=attribute.sensitive,
        write_only=attribute.write_only,
    )
    if isinstance(attribute.element, Object):
        described.nested_type.nesting = _NESTINGS[attribute.nesting]
        described.nested_type.attributes.extend(_attribute(a, comments) for a in attribute.element.attributes)
    elif attribute.nesting is Nesting.SINGLE:
        described.type = json.dumps(attribute.element.type).encode()
    else:
        described.type = json.dumps([attribute.nesting.value, attribute.element.type]).encode()
    return described
