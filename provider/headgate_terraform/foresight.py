"""What a controller says of a plan while it is made: the faults that an apply of it would meet, at their attributes.

It only adds to a plan what stands against it, and never holds a plan up that is carried out: where it cannot be certain
it says nothing, and the apply will tell. See docs/decisions/0014-a-plan-is-judged-by-its-end.md.
"""

from collections.abc import Iterator

import grpc

from headgate.v1 import intent_pb2
from headgate_common.refusals import Fault, Refusal
from headgate_terraform import plan_steps
from headgate_terraform.client import Client
from headgate_terraform.holding import Holding, Traffic, Turn
from headgate_terraform.kinds import Kind
from headgate_terraform.paths import Problem, Severity
from headgate_terraform.plan_stream import PlanStream, SessionEndedError, Violations
from headgate_terraform.refusals import explain
from headgate_terraform.settings import Settings
from headgate_terraform.terraform_command import Command
from headgate_terraform.values import UNKNOWN, Value


class Foresight:
    """The plan session of one configured provider. With no controller to ask, it has nothing to say."""

    def __init__(self, settings: Settings, client: Client, traffic: Traffic, command: Command | None) -> None:
        self._stream = PlanStream(client) if settings.endpoints else None
        self._planning = command is not None and command.plans_only
        self._holding = Holding(traffic, command.parallelism if command else None)

    def manage(self, name: Value) -> None:
        """Take note that a resource is in Terraform's state."""
        if isinstance(name, str):
            self._tell(name, plan_steps.management(name))

    def removal(self, prior: Value) -> None:
        """Take note that a resource will be deleted; that is planned only where a plan is made, not carried out."""
        self.see_planning()
        if prior is not None:
            self._remove(prior["id"])

    def _remove(self, name: str) -> None:
        self._tell(name, plan_steps.removal(name))

    def _tell(self, name: str, step: plan_steps.Step) -> None:
        if self._stream is not None:
            self._stream.tell(step)
            self._holding.tell(name)

    def see_planning(self) -> None:
        """Take note of something that Terraform does only to make a plan: it reads, imports, or plans a deletion."""
        self._planning = True

    def stop(self) -> None:
        """End the session: Terraform carries a plan out, or is interrupted."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._holding.release()

    async def creation(
        self, kind: Kind, name: Value, config: Value, planned: Value, *, replacement: bool
    ) -> list[Problem]:
        """Return what stands against a resource that is created, if its name is known yet."""
        if self._stream is None or name is UNKNOWN:
            return []
        step = plan_steps.creation(kind, name, config, planned, replacement=replacement)
        return await self._judge(kind, name, step)

    async def change(self, kind: Kind, config: Value, prior: Value, planned: Value, *, replaced: bool) -> list[Problem]:
        """Return what stands against a resource that is updated or stays as it is."""
        if replaced:
            self._remove(prior["id"])
        if self._stream is None or replaced:
            return []
        return await self._judge(kind, prior["id"], plan_steps.change(kind, config, prior, planned))

    async def _judge(self, kind: Kind, name: str, step: plan_steps.Step) -> list[Problem]:
        stream = self._stream
        if stream is None:
            return []
        try:
            violations = await stream.ask(step)
            self._holding.tell(name)
            if any(violation.open for violation in violations):
                violations = await self._ask_patiently(stream, step, violations)
        except SessionEndedError as error:
            told, self._stream = self._stream is None, None
            self._holding.release()
            return [] if told else list(_offline(str(error)))
        if self._stream is None:
            return []
        found = tuple(Fault(v.field, v.reason, v.description) for v in violations)
        return list(explain(kind, name, Refusal(grpc.StatusCode.INVALID_ARGUMENT, "", faults=found))) if found else []

    async def _ask_patiently(self, stream: PlanStream, step: plan_steps.Step, violations: Violations) -> Violations:
        """Return what still stands against a step when nothing more can cure it, or what is certain anyway."""
        with self._holding.hold() as held:
            while any(violation.open for violation in violations):
                turn = await self._holding.turn(held, {v.resource for v in violations if v.open})
                if turn is Turn.BE_JUDGED and self._planning:
                    step.patience = intent_pb2.PATIENCE_MANAGED
                elif turn is not Turn.ASK_AGAIN:
                    step.patience = intent_pb2.PATIENCE_ALL
                violations = await stream.ask(step)
                if turn is not Turn.ASK_AGAIN:
                    break
        return violations


def _offline(words: str) -> Iterator[Problem]:
    """Yield what a user should know of a plan that is made without the controller."""
    if words:
        detail = (
            f"{words}\n\nWhether resources collide with each other, or with others, will be known when it is applied."
        )
        yield Problem("Planned without the controller", detail, severity=Severity.WARNING)
