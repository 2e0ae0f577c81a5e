"""A provider in this process, called as Terraform's core calls it, with VPCs named v0, v1 and so on."""

from typing import Any

from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.provider import Provider
from headgate_terraform.values import decode, encode


def name(number: int) -> str:
    return f"projects/default/vpcs/v{number}"


def dyn(value: Any) -> tf.DynamicValue:
    return tf.DynamicValue(msgpack=encode(value))


class Driven:
    """A provider called as Terraform's core does, in this process."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.schema: Any = None

    async def configure(self) -> None:
        empty = dict.fromkeys(("endpoints", "token", "project", "tls", "wait", "deadline"))
        await self.provider.configure_provider(tf.ConfigureProvider.Request(config=dyn(empty)))
        schema = await self.provider.get_provider_schema(tf.GetProviderSchema.Request())
        self.schema = schema.resource_schemas["headgate_vpc"].block.attributes

    def vpc(self, number: int, **values: Any) -> dict[str, Any]:
        known = {"id": name(number), "name": f"v{number}", "uid": "u"}
        return {attribute.name: None for attribute in self.schema} | known | values

    async def read(self, number: int) -> Any:
        request = tf.ReadResource.Request(type_name="headgate_vpc", current_state=dyn(self.vpc(number)))
        return decode((await self.provider.read_resource(request)).new_state.msgpack)

    async def apply(self, prior: Any, planned: Any) -> Any:
        request = tf.ApplyResourceChange.Request(
            type_name="headgate_vpc", prior_state=dyn(prior), planned_state=dyn(planned), config=dyn(planned)
        )
        return await self.provider.apply_resource_change(request)
