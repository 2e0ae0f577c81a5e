"""A controller that is away for its clients while its log is shortened."""

from __future__ import annotations

from controller_site import Controller

from api import Api

SHORT = {"history_days": 0, "history_revisions": 2}


class Away:
    """A controller whose clients meanwhile see nothing of it."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._listen = controller.settings["listen"]
        self.api = Api(f"unix:{controller.database.parent}/hidden.sock")

    def restart(self, **settings: object) -> None:
        self._controller.stop()
        hidden = f"unix:{self._controller.database.parent}/hidden.sock"
        self._controller.settings |= {"listen": [hidden]} | settings
        self._controller.start()

    def back(self) -> None:
        """Shorten the log, then let clients in again."""
        self.restart(**SHORT)
        self._controller.await_said("history shortened")
        self._controller.stop()
        self._controller.settings["listen"] = self._listen
        self._controller.start()


def changed_while_away(controller: Controller) -> None:
    """Change b, delete a, make d, while clients are kept out, and have the log forget it."""
    away = Away(controller)
    away.restart()
    away.api.delete("projects/p/vpcs/a")
    away.api.update("projects/p/vpcs/b", description="changed")
    away.api.create("projects/p/vpcs/d")
    for number in range(4):
        away.api.update("projects/p/vpcs/d", description=f"{number}")
    away.back()
    away.api.close()
