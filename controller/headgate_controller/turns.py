"""Taking turns: a controller stands by while another leads, and leads while it can, again and again."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from headgate_controller import settings
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError
from headgate_controller.leadership import Lead
from headgate_controller.ovn.northbound import StaleEpochError
from headgate_controller.site import Site, read_contents
from headgate_controller.standby import Standby
from headgate_controller.store.database import Database
from headgate_controller.store.tokens import Tokens

log = logging.getLogger(__name__)

Serve = Callable[[Site, asyncio.Event], Awaitable[str]]
"""Serves a site until the event is set or the database holds something else, then returns nothing; or until the lead is
lost, then returns why. Raises StaleEpochError if Northbound is at a higher epoch.
"""


class SupersededError(HeadgateError):
    """Another controller has taken over."""

    code, reason = "ABORTED", "SUPERSEDED"


async def take_turns(config: ControllerConfig, database: Database, serve: Serve, stop: asyncio.Event) -> None:
    """Lead whenever no other controller does, until `stop` is set.

    Raises:
        SupersededError: a controller leads that has another database. SettingError, ListenError: a setting cannot be
        used.
    """
    standby = Standby(config, settings.lead_candidate(config, database), Tokens(database))
    above, lead = 0, None
    while not stop.is_set():
        try:
            lead = lead or await standby.elected(stop, above)
            held = await asyncio.to_thread(read_contents, config, database) if lead else None
        except SQLAlchemyError as error:
            if not database.shared:
                raise
            if lead is not None:
                await lead.released()
            await standby.fall_back(error)
            lead = None
            continue
        finally:
            await standby.close()
        if lead is not None and held is not None:
            # What was read is not kept here: resources change.
            term, held = _led(Site(config, database, lead, held), serve, stop), None
            above, going_on = await term
            if not stop.is_set():
                # A large site takes a second, which a lease may not last: so before the lead is taken up again.
                _clear_away()
            lead = await going_on.resumed() if going_on else None


def _clear_away() -> None:
    """Free what a term leaves behind: it was frozen, lest the collector look through it in vain."""
    gc.unfreeze()
    gc.collect()


async def _led(site: Site, serve: Serve, stop: asyncio.Event) -> tuple[int, Lead | None]:
    """Lead for a term, or part of one; return the epoch above which the next must be, and the lead if it is to be
    resumed.
    """
    lead = site.lead
    try:
        lost = await serve(site, stop)
    except StaleEpochError as error:
        if not lead.lost.done():  # else it has said so itself
            log.warning("lead lost", extra={"reason": str(error)})
        await lead.dropped()
        return await _epoch_above(site, error), None
    if lost:
        await lead.dropped()
        return 0, None
    if stop.is_set():
        await lead.released()
        return 0, None
    log.info("begun anew", extra={"reason": "the database holds something else, or may"})
    return 0, lead


async def _epoch_above(site: Site, error: StaleEpochError) -> int:
    """Return the epoch to go on above, since Northbound is at a higher one than ours; 0 if the lead is lost.

    An older database, as one that was restored by its own means, knows less than Northbound when a term begins. Later,
    only who leads by another database can have raised it.
    """
    if site.database.shared:
        try:
            ours = await site.lead.prolonged()
        except SQLAlchemyError:
            ours = False
        if not ours or not site.northbound.claimed:
            return error.held if ours else 0
    text = f"Another controller leads the site now ({error}). Stop it first, or leave this one stopped."
    raise SupersededError(text) from error
