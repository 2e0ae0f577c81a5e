"""The protocol of the host stream as a state machine without I/O: state in, state and effects out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from headgate_hostagent.objects import Held, Thing


@dataclass(frozen=True, slots=True)
class Update:
    """One desired state from the controller: whole, or the difference from `base`."""

    version: str
    base: str
    nonce: str
    epoch: int
    put: Mapping[str, Thing]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hello:
    """Say who we are: the version held, so that only differences come, and the highest epoch seen."""

    held_version: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Store:
    """Put the state on disk; if that fails, the update must be refused and the session stays as it was."""

    held: Held


@dataclass(frozen=True, slots=True)
class Ack:
    """Tell the controller that the update is accepted and on disk."""

    nonce: str
    version: str


@dataclass(frozen=True, slots=True)
class Nack:
    """Tell the controller that the update is refused, and which version stays in force."""

    nonce: str
    version: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Apply:
    """Make the host what is held now."""


Effect = Hello | Store | Ack | Nack | Apply
"""Something to do about what happened."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the agent remembers of the conversation: the desired state it accepted last, over all streams."""

    held: Held = field(default_factory=Held)

    def on_connected(self) -> tuple["Session", tuple[Effect, ...]]:
        """Return the session and what to say first on a new stream."""
        return self, (Hello(self.held.version, self.held.epoch),)

    def on_update(self, update: Update) -> tuple["Session", tuple[Effect, ...]]:
        """Return the session after `update` and what to do about it, in order.

        A controller of an older epoch has been replaced and is refused, however new its version looks.
        Acceptance is told only once the state is on disk, so a restart never goes behind what was told.
        """
        if update.epoch < self.held.epoch:
            message = f"Epoch {self.held.epoch} has been seen; the sender is no longer in charge."
            return self, (self.refusal(update, "STALE_EPOCH", message),)
        if not update.version:
            return self, (self.refusal(update, "NO_VERSION", "A desired state needs a version; send one."),)
        if update.base and update.base != self.held.version:
            message = f"Version {self.held.version or 'none'} is held, not {update.base}; send the whole state."
            return self, (self.refusal(update, "UNKNOWN_BASE", message),)
        kept = self.held.objects if update.base else {}
        objects = {key: thing for key, thing in kept.items() if key not in update.remove}
        objects.update(update.put)
        held = Held(update.version, update.epoch, objects)
        return replace(self, held=held), (Store(held), Ack(update.nonce, update.version), Apply())

    def refusal(self, update: Update, reason: str, message: str) -> Nack:
        """Return what refuses `update`: the version in force stays this session's."""
        return Nack(update.nonce, self.held.version, reason, message)
