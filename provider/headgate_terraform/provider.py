"""The provider as Terraform calls it: protocol messages in, protocol messages out, and never an exception."""

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from headgate_terraform import tfplugin6_pb2 as tf
from headgate_terraform.client import Client, NoEndpointError
from headgate_terraform.data_sources import DataSource, load_data_sources
from headgate_terraform.foresight import Foresight
from headgate_terraform.holding import Traffic
from headgate_terraform.interruption import InterruptedByUserError
from headgate_terraform.kinds import Kind, load_kinds
from headgate_terraform.lifecycle import STOPPED, Outcome, Resources, plan_id
from headgate_terraform.packaged_schema import CAPABILITIES, load_schema, make_schema
from headgate_terraform.paths import Key, Path, Problem, Severity
from headgate_terraform.planning import plan_object, replaced_paths
from headgate_terraform.protection import MARK, mark_of, refuse_destruction, refuse_replacement, refuse_second_half
from headgate_terraform.queries import Queries, validate_query
from headgate_terraform.secrets import refuse_secrets
from headgate_terraform.settings import Settings, complete, problems, settle
from headgate_terraform.terraform_command import read_command
from headgate_terraform.validation import validate
from headgate_terraform.values import UNKNOWN, Value, conform, decode, encode

if TYPE_CHECKING:
    from headgate_common.telemetry import Telemetry


class Types:
    """The types of resources and data sources, of generated modules beside Headgate's own too; made when first needed.

    By default these are the modules that HEADGATE_EXTRA_PROTOS names, separated by commas.
    """

    def __init__(self, extra_protos: Sequence[str] | None = None) -> None:
        named = os.environ.get("HEADGATE_EXTRA_PROTOS", "").split(",")
        self.extra_protos = [n.strip() for n in named if n.strip()] if extra_protos is None else extra_protos

    @functools.cached_property
    def kinds(self) -> dict[str, Kind]:
        """Resources, by their Terraform types."""
        return load_kinds(self.extra_protos)

    @functools.cached_property
    def sources(self) -> dict[str, DataSource]:
        """Data sources, by their Terraform types."""
        return load_data_sources(self.kinds)


class Provider:
    """Serves one phase of a Terraform process. Between calls it keeps only what can be made again: connections."""

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        types: Types | None = None,
        terraform: int | None = None,
        telemetry: "Telemetry | None" = None,
    ) -> None:
        self.telemetry = telemetry
        self._interceptors = telemetry.client_interceptors() if telemetry else ()
        self._environment = environment
        self._types = types or Types()
        self._command = read_command(os.getppid() if terraform is None else terraform, environment)
        self._settings = Settings()
        self._client = Client(self._settings, self._interceptors)
        self._resources = Resources(self._settings, self._client)
        self.traffic = Traffic()
        self._foresight = Foresight(self._settings, self._client, self.traffic, self._command)

    async def close(self) -> None:
        """Close the connections."""
        self._foresight.stop()
        await self._client.close()

    async def get_metadata(self, _request: tf.GetMetadata.Request) -> tf.GetMetadata.Response:
        """Say which types there are."""
        types = [tf.GetMetadata.ResourceMetadata(type_name=name) for name in self._types.kinds]
        sources = [tf.GetMetadata.DataSourceMetadata(type_name=name) for name in self._types.sources]
        return tf.GetMetadata.Response(server_capabilities=CAPABILITIES, resources=types, data_sources=sources)

    async def get_provider_schema(self, _request: tf.GetProviderSchema.Request) -> tf.GetProviderSchema.Response:
        """Describe everything."""
        return make_schema(self._types.kinds, self._types.sources) if self._types.extra_protos else load_schema()

    async def validate_provider_config(
        self, request: tf.ValidateProviderConfig.Request
    ) -> tf.ValidateProviderConfig.Response:
        """Check the provider block."""
        found = problems(complete(_value(request.config), self._environment), self._environment)
        return tf.ValidateProviderConfig.Response(diagnostics=diagnostics(found))

    async def configure_provider(self, request: tf.ConfigureProvider.Request) -> tf.ConfigureProvider.Response:
        """Take the provider block over, forgetting an earlier one."""
        config = complete(_value(request.config), self._environment)
        found = list(problems(config, self._environment))
        if not found:
            await self.close()
            self._settings = settle(config)
            self._client = Client(self._settings, self._interceptors)
            self._resources = Resources(self._settings, self._client)
            self._foresight = Foresight(self._settings, self._client, self.traffic, self._command)
        return tf.ConfigureProvider.Response(diagnostics=diagnostics(found))

    async def validate_resource_config(
        self, request: tf.ValidateResourceConfig.Request
    ) -> tf.ValidateResourceConfig.Response:
        """Check a resource's configuration, offline."""
        shape, config = self._types.kinds[request.type_name].shape, _value(request.config)
        found = list(validate(shape, config))
        if not request.client_capabilities.write_only_attributes_allowed:
            found += refuse_secrets(shape, config)
        return tf.ValidateResourceConfig.Response(diagnostics=diagnostics(found))

    async def validate_data_resource_config(
        self, request: tf.ValidateDataResourceConfig.Request
    ) -> tf.ValidateDataResourceConfig.Response:
        """Check a data source's configuration, offline."""
        found = validate_query(self._types.sources[request.type_name], _value(request.config))
        return tf.ValidateDataResourceConfig.Response(diagnostics=diagnostics(found))

    async def read_data_source(self, request: tf.ReadDataSource.Request) -> tf.ReadDataSource.Response:
        """Return what a data source finds."""
        queries = Queries(self._settings, self._client)
        outcome = await queries.read(self._types.sources[request.type_name], _value(request.config))
        return tf.ReadDataSource.Response(state=_dynamic(outcome.state), diagnostics=diagnostics(outcome.problems))

    async def upgrade_resource_state(
        self, request: tf.UpgradeResourceState.Request
    ) -> tf.UpgradeResourceState.Response:
        """Bring state of any earlier schema into the present shape."""
        old = decode(b"", request.raw_state.json)
        state = conform(old, self._types.kinds[request.type_name].shape)
        self._foresight.manage(state and old.get("id"))
        return tf.UpgradeResourceState.Response(upgraded_state=_dynamic(state and {**state, "id": old.get("id")}))

    async def plan_resource_change(self, request: tf.PlanResourceChange.Request) -> tf.PlanResourceChange.Response:
        """Plan one resource: its values offline, what is against them by a controller that can be reached."""
        kind, proposed = self._types.kinds[request.type_name], _value(request.proposed_new_state)
        config, prior = _value(request.config), _value(request.prior_state)
        if proposed is None:
            self._foresight.removal(prior)
            return tf.PlanResourceChange.Response(
                planned_state=_dynamic(None),
                planned_private=request.prior_private,
                diagnostics=diagnostics(refuse_destruction(prior)),
            )
        planned = plan_object(kind.shape, config, prior, stable=True)
        if prior is not None:
            planned["id"] = prior["id"]
            replaced = list(replaced_paths(kind.shape, prior, planned))
            found = await self._foresight.change(kind, config, prior, planned, replaced=bool(replaced))
            return tf.PlanResourceChange.Response(
                planned_state=_dynamic(planned),
                requires_replace=map(attribute_path, replaced),
                planned_private=mark_of(prior),
                diagnostics=diagnostics([*refuse_replacement(prior, replaced), *found]),
            )
        # Whoever refers to a resource that is replaced must be replaced with it, though the name stays the same.
        second_half, name = bool(request.prior_private), plan_id(kind, config, self._settings.project)
        planned["id"] = UNKNOWN if second_half else name
        found = await self._foresight.creation(kind, name, config, planned, replacement=second_half)
        return tf.PlanResourceChange.Response(
            planned_state=_dynamic(planned),
            planned_private=request.prior_private,
            diagnostics=diagnostics([*refuse_second_half(request.prior_private), *found]),
        )

    async def apply_resource_change(self, request: tf.ApplyResourceChange.Request) -> tf.ApplyResourceChange.Response:
        """Create, update or delete one resource."""
        self._foresight.stop()
        kind, prior, planned = (
            self._types.kinds[request.type_name],
            _value(request.prior_state),
            _value(request.planned_state),
        )
        try:
            outcome = await self._apply(kind, prior, planned, _value(request.config))
        except Exception as error:  # whatever it is, Terraform must keep the state it had
            outcome = Outcome(prior, [failure(error)])
        return tf.ApplyResourceChange.Response(
            new_state=_dynamic(outcome.state),
            private=_private(outcome),
            diagnostics=diagnostics(outcome.problems),
        )

    async def _apply(self, kind: Kind, prior: Value, planned: Value, config: Value) -> Outcome:
        if planned is None:
            return await self._resources.delete(kind, prior)
        if prior is None:
            return await self._resources.create(kind, planned, config)
        return await self._resources.update(kind, prior, planned, config)

    async def read_resource(self, request: tf.ReadResource.Request) -> tf.ReadResource.Response:
        """Return a resource as it is now."""
        self._foresight.see_planning()
        outcome = await self._resources.read(self._types.kinds[request.type_name], _value(request.current_state))
        return tf.ReadResource.Response(
            new_state=_dynamic(outcome.state), diagnostics=diagnostics(outcome.problems), private=_private(outcome)
        )

    async def import_resource_state(self, request: tf.ImportResourceState.Request) -> tf.ImportResourceState.Response:
        """Return the state of a resource by its id."""
        self._foresight.see_planning()
        self._foresight.manage(request.id)
        outcome = await self._resources.fetch(self._types.kinds[request.type_name], request.id)
        response = tf.ImportResourceState.Response(diagnostics=diagnostics(outcome.problems))
        if outcome.state is not None:
            response.imported_resources.add(type_name=request.type_name, state=_dynamic(outcome.state), private=MARK)
        return response

    async def stop_provider(self, _request: tf.StopProvider.Request) -> tf.StopProvider.Response:
        """End what is under way, soon."""
        self._foresight.stop()
        self._client.interruption.set()
        return tf.StopProvider.Response()


def _value(encoded: tf.DynamicValue) -> Value:
    return decode(encoded.msgpack, encoded.json)


def _dynamic(value: Value) -> tf.DynamicValue:
    return tf.DynamicValue(msgpack=encode(value))


def _private(outcome: Outcome) -> bytes:
    return b"" if outcome.state is None else MARK


def attribute_path(path: Path) -> tf.AttributePath:
    """Return a path as Terraform writes it."""
    encoded = tf.AttributePath()
    for step in path.steps:
        if isinstance(step, Key):
            encoded.steps.add(element_key_string=step.text)
        elif isinstance(step, int):
            encoded.steps.add(element_key_int=step)
        else:
            encoded.steps.add(attribute_name=step)
    return encoded


def diagnostics(found: Iterable[Problem]) -> list[tf.Diagnostic]:
    """Return problems as Terraform shows them."""
    return [
        tf.Diagnostic(
            severity=tf.Diagnostic.ERROR if p.severity is Severity.ERROR else tf.Diagnostic.WARNING,
            summary=p.summary,
            detail=p.detail if p.path == p.path.visible else f"{p.path}: {p.detail}",
            attribute=attribute_path(p.path.visible) if p.path.steps else None,
        )
        for p in found
    ]


def failure(error: BaseException) -> Problem:
    """Return what to tell a user about a missing endpoint, the wish to stop, and errors that no code expected."""
    if isinstance(error, NoEndpointError):
        advice = 'Say where the controller listens: endpoints = ["host:port"] or HEADGATE_ENDPOINTS.'
        return Problem("No endpoint", advice)
    if isinstance(error, InterruptedByUserError):
        return Problem(STOPPED, "It was not read to the end, because Terraform was told to stop.")
    words = f"{type(error).__name__}: {error}\n\nThis is a fault of the provider. TF_LOG=debug shows where."
    return Problem("Error in the Headgate provider", words)
