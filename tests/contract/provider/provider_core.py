"""Terraform's core as the provider meets it: calls in its order, and what it checks of each answer."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from provider_oracle import assert_complete, assert_known, assert_plan_valid, assert_refines

from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.kinds import Kind
from headgate_terraform.provider import Provider
from headgate_terraform.values import decode, encode


@dataclass
class Plan:
    """What PlanResourceChange answered."""

    value: Any
    replaced: list[str]
    private: bytes


class Core:
    """Calls the provider as Terraform's core does, and checks what core would check."""

    def __init__(self, runner: asyncio.Runner, provider: Provider, **settings: Any) -> None:
        self.runner, self.provider = runner, provider
        self.schemas = self.call("get_provider_schema", tf.GetProviderSchema.Request()).resource_schemas
        empty = dict.fromkeys(("endpoints", "token", "project", "tls", "wait", "deadline"))
        self.call("configure_provider", tf.ConfigureProvider.Request(config=dyn(empty | settings)))

    def call(self, name: str, request: Any) -> Any:
        response = self.runner.run(getattr(self.provider, name)(request))
        assert not [d for d in response.diagnostics if d.severity == tf.Diagnostic.ERROR], response.diagnostics
        return response

    def attributes(self, kind: Kind) -> Any:
        return self.schemas[kind.terraform_type].block.attributes

    def validate(self, kind: Kind, config: Any) -> None:
        self.call(
            "validate_resource_config",
            tf.ValidateResourceConfig.Request(
                type_name=kind.terraform_type,
                config=dyn(config),
                client_capabilities=tf.ClientCapabilities(write_only_attributes_allowed=True),
            ),
        )

    def plan(self, kind: Kind, config: Any, prior: Any = None, private: bytes = b"") -> Plan:
        response = self.call(
            "plan_resource_change",
            tf.PlanResourceChange.Request(
                type_name=kind.terraform_type,
                prior_state=dyn(prior),
                proposed_new_state=dyn(config),
                config=dyn(config),
                prior_private=private,
            ),
        )
        planned = undyn(response.planned_state)
        if config is None:
            assert planned is None
            return Plan(planned, [], response.planned_private)
        assert_complete(self.attributes(kind), planned)
        assert_plan_valid(self.attributes(kind), prior, config, planned)
        return Plan(planned, [p.steps[0].attribute_name for p in response.requires_replace], response.planned_private)

    def apply(self, kind: Kind, planned: Any, config: Any, prior: Any = None) -> Any:
        response = self.call(
            "apply_resource_change",
            tf.ApplyResourceChange.Request(
                type_name=kind.terraform_type, prior_state=dyn(prior), planned_state=dyn(planned), config=dyn(config)
            ),
        )
        state = undyn(response.new_state)
        if planned is not None:
            assert_complete(self.attributes(kind), state)
            assert_refines(self.attributes(kind), planned, state)
            assert_known(state)
        return state

    def read(self, kind: Kind, state: Any) -> Any:
        return undyn(
            self.call(
                "read_resource", tf.ReadResource.Request(type_name=kind.terraform_type, current_state=dyn(state))
            ).new_state
        )

    def upgrade(self, kind: Kind, stored: Any) -> Any:
        request = tf.UpgradeResourceState.Request(
            type_name=kind.terraform_type, raw_state=tf.RawState(json=json.dumps(stored).encode())
        )
        return undyn(self.call("upgrade_resource_state", request).upgraded_state)

    def imported(self, kind: Kind, name: str) -> Any:
        response = self.call(
            "import_resource_state", tf.ImportResourceState.Request(type_name=kind.terraform_type, id=name)
        )
        return undyn(response.imported_resources[0].state)

    def settle(self, kind: Kind, config: Any, state: Any) -> None:
        """Read, upgrade and plan again: nothing moves."""
        assert self.read(kind, state) == state
        assert self.upgrade(kind, state) == state
        assert self.plan(kind, config, state).value == state


def dyn(value: Any) -> tf.DynamicValue:
    return tf.DynamicValue(msgpack=encode(value))


def undyn(value: tf.DynamicValue) -> Any:
    return decode(value.msgpack)
