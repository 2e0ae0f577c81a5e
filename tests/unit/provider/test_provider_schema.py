"""The schema that Terraform asks for is made beforehand."""

import asyncio

from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.data_sources import load_data_sources
from headgate_terraform.kinds import load_kinds
from headgate_terraform.packaged_schema import load_schema, make_schema
from headgate_terraform.provider import Provider, Types


def test_the_packaged_schema_is_that_of_the_api() -> None:
    kinds = load_kinds()
    assert load_schema() == make_schema(kinds, load_data_sources(kinds))


def test_telling_the_schema_of_headgates_own_kinds_compiles_none_of_them() -> None:
    types = Types([])
    told = asyncio.run(Provider({}, types).get_provider_schema(tf.GetProviderSchema.Request()))
    assert "headgate_port" in told.resource_schemas
    assert "kinds" not in vars(types)
