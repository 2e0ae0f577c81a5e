"""ovn-controller, through its control socket.

Each new one is told not to limit its log: of 40 rows that it could not use it named one until told so. It tells
nobody when it loses its Southbound database, so that has to be asked.

Source: ovn-controller(8).
"""

import logging
from pathlib import Path

from headgate_hostagent.observe.daemons import OVN_CONTROLLER, ControlError, Identity, control, identity, sockets

log = logging.getLogger(__name__)


class OvnController:
    """The ovn-controller of this host, whichever runs now."""

    def __init__(self, rundir: Path) -> None:
        self._rundir = rundir
        self._told: set[Identity] = set()
        self._versions: dict[Identity, str] = {}

    async def unlimit_log(self) -> None:
        """Tell each ovn-controller that was not told yet to log every row it cannot use; idempotent.

        Raises:
            ControlError: one is there and does not answer.
        """
        for path in sockets(self._rundir, OVN_CONTROLLER):
            one = identity(path)
            if one not in self._told:
                await control(path, "vlog/disable-rate-limit", "lflow")
                self._told.add(one)
                log.info("ovn-controller log unlimited", extra={"socket": path.name})

    async def connected(self) -> bool:
        """Return whether it is connected to the Southbound database; without one it is not."""
        for path in sockets(self._rundir, OVN_CONTROLLER):
            try:
                return await control(path, "connection-status") == "connected"
            except ControlError:
                continue
        return False

    async def recompute(self) -> None:
        """Have it compute all flows anew; those that are right stay in force meanwhile."""
        for path in sockets(self._rundir, OVN_CONTROLLER):
            try:
                await control(path, "inc-engine/recompute")
            except ControlError as error:
                log.warning("ovn-controller not asked to compute anew", extra={"reason": str(error)})

    async def version(self) -> str:
        """Return its version ("23.03.1"), asked once of each; empty if none answers."""
        for path in sockets(self._rundir, OVN_CONTROLLER):
            try:
                one = identity(path)
                if one not in self._versions:
                    self._versions = {one: (await control(path, "version")).partition("\n")[0].split()[-1]}
                return self._versions[one]
            except (OSError, IndexError):
                continue
        return ""
