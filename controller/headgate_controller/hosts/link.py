"""One connected agent, as values: what it holds, what is in flight, what it said last. No I/O."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

from headgate.v1.host_link_pb2 import ConnectResponse, Nack
from headgate_controller.hosts.reports import refusal
from headgate_controller.hosts.share import Change, Share, hash_of, total_of, version_of
from headgate_controller.mutations import Register
from headgate_controller.observed import HostHeard

log = logging.getLogger(__name__)

UNKNOWN_BASE = "UNKNOWN_BASE"
"""The reason by which an agent asks for the whole state."""

Lag = dict[str, tuple[bytes | None, bytes | None]]
"""By key, what an agent holds of each object that is not as it is to be, and what that is; None stands for absence."""


@dataclass(frozen=True, slots=True)
class Flight:
    """What an agent was sent and has not answered: the version after it, and the lag that it ends; None: all."""

    nonce: str
    version: str
    lag: Lag | None


class Link:
    """What is known of the agent at the other end.

    However far an agent lags behind, and however much changes meanwhile, what is kept for it is one lag: the latest of
    each object. `lag` is None if what the agent holds is not known; then it must be sent the whole.
    """

    def __init__(self, register: Register, held_version: str, share: Share) -> None:
        self.name = register.name
        self.register = register
        self.held_version = held_version
        self.heard = HostHeard(True, time.time_ns(), time.time_ns())
        self._total = total_of(share)
        self._lag: Lag | None = {} if held_version == version_of(self._total) else None
        self._flying: Flight | None = None
        self._refused_version = ""
        self._sent = 0

    @property
    def due(self) -> bool:
        """Whether there is something to be sent now."""
        if self._flying is not None or self._lag == {}:
            return False
        return not self._refused_version or version_of(self._total) != self._refused_version

    @property
    def needs_whole(self) -> bool:
        """Whether a difference would not do."""
        return self._lag is None

    def change(self, change: Change) -> None:
        """Note that an object is to be something else."""
        key, before, after = change.key, change.before, change.after
        self._total += hash_of(key, after) - hash_of(key, before)
        if self._lag is not None:
            held, _ = self._lag.pop(key, (before, None))
            if held != after:
                self._lag[key] = (held, after)
            self._settle()

    def difference(self, epoch: int) -> ConnectResponse:
        """Return what ends the lag; it is in flight from now on."""
        lag = self._lag or {}
        response = self._launch(epoch, self.held_version)
        desired = response.desired
        for key, (_, wanted) in lag.items():
            if wanted is None:
                desired.remove.append(key)
            else:
                desired.put[key].MergeFromString(wanted)
        return response

    def whole(self, epoch: int, share: Share) -> ConnectResponse:
        """Return all that the host is to be; it is in flight from now on."""
        response = self._launch(epoch, "")
        for key, content in share.items():
            response.desired.put[key].MergeFromString(content)
        return response

    def _launch(self, epoch: int, base: str) -> ConnectResponse:
        self._sent += 1
        self._flying = Flight(str(self._sent), version_of(self._total), self._lag)
        self._lag = {}
        response = ConnectResponse()
        desired = response.desired
        desired.version, desired.base_version = self._flying.version, base
        desired.nonce, desired.epoch = self._flying.nonce, epoch
        return response

    def accepted(self, nonce: str) -> bool:
        """Note that the agent has accepted what is in flight, and return whether it has: answers may be to others."""
        if self._flying is None or self._flying.nonce != nonce:
            return False
        self.held_version, self._flying = self._flying.version, None
        self._refused_because("")
        return True

    def refused(self, nack: Nack) -> bool:
        """Note that the agent has refused what is in flight, and return whether it has.

        It is not sent again until it differs, except as a whole to an agent that does not hold what it differs from.
        """
        flying = self._flying
        if flying is None or flying.nonce != nack.nonce:
            return False
        why = refusal(nack)
        log.warning("desired state refused", extra={"host": self.name, "reason": why})
        self._flying = None
        if nack.reason == UNKNOWN_BASE and flying.lag is not None:
            self._lag = None
        else:
            self._refused_version = flying.version
            self._lag = None if flying.lag is None else _joined(flying.lag, self._lag or {})
        self._refused_because(why)
        self._settle()
        return True

    def _settle(self) -> None:
        """Forget a refusal once the host is to be what it is."""
        if self._flying is None and self._lag == {}:
            self._refused_because("")

    def _refused_because(self, refusal: str) -> None:
        if self.heard.refusal != refusal:
            self.heard = replace(self.heard, refusal=refusal)


def _joined(earlier: Lag, later: Lag) -> Lag:
    """Return one lag for two, of which the second came on top of the first."""
    joined = dict(earlier)
    for key, (held, wanted) in later.items():
        joined[key] = (joined.get(key, (held, None))[0], wanted)
    return {key: (held, wanted) for key, (held, wanted) in joined.items() if held != wanted}
