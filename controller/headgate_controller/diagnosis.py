"""Checks of the controller and of what it depends on, for people: each yields what it found and what to do about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Set
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from headgate_common import pki
from headgate_common.diagnosis import Finding, State, disk, failed, ok, warning
from headgate_common.pki import PkiError
from headgate_common.rows import Plan
from headgate_controller import settings
from headgate_controller.config import ControllerConfig
from headgate_controller.kinds.registry import ERROR, INFO, WARNING
from headgate_controller.names import id_of
from headgate_controller.nouns.host import Host
from headgate_controller.ovn.northbound import Northbound, NorthboundUnavailable, StaleEpochError
from headgate_controller.ovn.southbound import Southbound
from headgate_controller.realisation import Realisation
from headgate_controller.state import Committed
from headgate_controller.store.complaints import why
from headgate_controller.store.database import Database
from headgate_controller.store.tokens import Tokens
from headgate_controller.trust import Trust

Check = Callable[[], Iterable[Finding] | Awaitable[Iterable[Finding]]]

SEVERITIES = {INFO: State.OK, WARNING: State.WARNING, ERROR: State.FAILED}
SOON = timedelta(days=7)
NORTHD_SECONDS, LOOK_SECONDS = 5.0, 0.05
MOST_NAMED = 5


def checks(
    config: ControllerConfig,
    committed: Committed,
    northbound: Northbound,
    southbound: Southbound,
    realisation: Realisation,
    trust: Trust,
    tokens: Tokens,
) -> list[Check]:
    """Return every check, in the order in which what they find is best mended."""
    return [
        lambda: _database(config.database),
        lambda: _certificates(config, trust),
        lambda: _access(config, tokens),
        lambda: _northbound(config, northbound),
        lambda: _northd(northbound),
        lambda: _southbound(config, committed, southbound),
        lambda: _hosts(committed, realisation),
        lambda: _chassis(committed, southbound),
        lambda: _gateways(committed),
    ]


async def leading(config: ControllerConfig, database: Database) -> list[Finding]:
    """Return who leads, and whether what is acknowledged is on the disk of a shared database."""
    try:
        return await asyncio.to_thread(lambda: list(_leading(config, database)))
    except SQLAlchemyError as error:
        fix = "See that PostgreSQL runs; another controller leads soon if only this one does not reach it."
        return [failed("database", f"it does not answer: {why(error)}", fix)]


def _leading(config: ControllerConfig, database: Database) -> Iterator[Finding]:
    if not database.shared:
        yield ok("leading", "this controller has the database for itself")
        return
    yield ok("leading", f"{settings.name(config)} leads, with epoch {database.epoch()}")
    for setting in ("fsync", "synchronous_commit"):
        with database.engine.connect() as connection:
            value = connection.exec_driver_sql(f"SHOW {setting}").scalar_one()
        if value == "off":
            text = f"{setting} is off, so that what was acknowledged is lost if PostgreSQL's machine fails"
            yield warning("database", text, f"ALTER SYSTEM SET {setting} = on; then SELECT pg_reload_conf();")


def _database(url: str) -> Iterator[Finding]:
    path = make_url(url).database or ""
    if url.startswith("sqlite") and path not in ("", ":memory:"):
        yield disk("database", Path(path).parent, "the site's intent")


def _certificates(config: ControllerConfig, trust: Trust) -> Iterator[Finding]:
    if config.tls_certificate:
        yield _certificate("API certificate", config.tls_certificate, _read(Path(config.tls_certificate)))
    if all(address.startswith("unix:") for address in config.host_listen):
        yield ok("host certificates", "hosts come by unix sockets only, and need none")
        return
    try:
        identity = trust.identity()
        pki.check_valid(identity.certificate, identity.authorities, pki.utc_now())
    except (PkiError, OSError) as error:
        yield failed("host certificates", str(error), "headgate pki issue (docs/guide/certificates.md)")
        return
    yield _certificate("host certificates", config.pki_dir, identity.certificate)
    for authority in pki.certificates_from(trust.authorities()):
        yield _certificate("CA", f"{config.pki_dir}/ca.pem", authority)


def _read(path: Path) -> x509.Certificate | None:
    try:
        return pki.certificates_from(path.read_bytes())[0]
    except (PkiError, OSError):
        return None


def _certificate(check: str, where: str, certificate: x509.Certificate | None) -> Finding:
    if certificate is None:
        return failed(check, f"{where} cannot be read", "Put a certificate in PEM there; it is used at once.")
    end = certificate.not_valid_after_utc
    text = f"{where} is valid until {end:%Y-%m-%d %H:%M} UTC"
    fix = "Replace it: headgate pki rotate, or as your own CA does it (docs/guide/certificates.md)."
    if end <= pki.utc_now():
        return failed(check, f"{where} has expired at {end:%Y-%m-%d %H:%M} UTC", fix)
    return warning(check, text, fix) if end - pki.utc_now() < SOON else ok(check, text)


def _access(config: ControllerConfig, tokens: Tokens) -> Iterator[Finding]:
    now = int(pki.utc_now().timestamp() * 1e9)
    listed = tokens.listed()
    expired = [token.name for token in listed if token.expire_time is not None and token.expire_time <= now]
    if expired:
        fix = "Revoke them: headgate token revoke NAME; and make others if they are still needed."
        yield warning("tokens", f"expired: {', '.join(expired)}", fix)
    elif not config.require_tokens:
        fix = "Set require_tokens = true, unless only one person works on the controller's machine."
        yield warning("tokens", "whoever is on this machine may do everything, without a token", fix)
    else:
        yield ok("tokens", f"{len(listed)} known, required of every caller")


def _northbound(config: ControllerConfig, northbound: Northbound) -> Iterator[Finding]:
    if northbound.foreign:
        yield failed("northbound", northbound.foreign, "Read docs/guide/backup.md before you do either.")
        return
    if northbound.why_unready:
        fix = f"See that ovsdb-server of OVN Northbound runs and is reached at {config.northbound}."
        yield failed("northbound", northbound.why_unready, fix)
        return
    for key, reason in list(northbound.refused.items())[:MOST_NAMED]:
        fix = "Report this, with the resource: headgate describe; OVN refuses what Headgate allows."
        yield failed("northbound", f"{key.table} {key.name} is refused: {reason}", fix)
    yield from _absent("northbound", northbound.absent, northbound.schema_version)
    contested = northbound.contested
    for key, times in list(contested.items())[:MOST_NAMED]:
        text = f"{key.table} {key.name} was changed {times} times lately by somebody else, and repaired each time"
        fix = "Find who writes to OVN Northbound besides; rows with external_ids:headgate-key are Headgate's alone."
        yield warning("northbound", text, fix)
    if not (northbound.refused or northbound.absent or contested):
        yield ok("northbound", f"{config.northbound} is as the intent says")


def _absent(check: str, absent: Set[str], version: str) -> Iterator[Finding]:
    if absent:
        text = f"its schema, of version {version}, has no {', '.join(sorted(absent))}: what needs these does not work"
        yield warning(check, text, "Upgrade OVN; Headgate is made for 23.03 and newer.")


async def _northd(northbound: Northbound) -> list[Finding]:
    """Ask ovn-northd for something, since one that is dead and was asked for nothing looks like one that is done."""
    if northbound.why_unready:
        return []
    try:
        async with asyncio.timeout(NORTHD_SECONDS):
            asked = await northbound.apply(Plan(()), bump=True) or 0
    except TimeoutError:
        return [failed("northbound", northbound.why_unready or "it is busy", "See how busy ovsdb-server is.")]
    except (NorthboundUnavailable, StaleEpochError) as error:
        return [failed("ovn-northd", f"it cannot be asked: {error}", "See what is found of northbound.")]
    until = time.monotonic() + NORTHD_SECONDS
    while northbound.sb_cfg < asked and time.monotonic() < until:  # noqa: ASYNC110 (only while a person waits)
        await asyncio.sleep(LOOK_SECONDS)
    if northbound.sb_cfg < asked:
        text = f"it has not answered within {NORTHD_SECONDS:g} s"
        return [failed("ovn-northd", text, "See that ovn-northd runs, and how busy it is.")]
    return [ok("ovn-northd", "it answers")]


def _southbound(config: ControllerConfig, committed: Committed, southbound: Southbound) -> Iterator[Finding]:
    if southbound.why_unready:
        fix = f"See that ovsdb-server of OVN Southbound runs and is reached at {config.southbound}."
        yield failed("southbound", southbound.why_unready, fix)
        return
    yield from _absent("southbound", southbound.absent, southbound.schema_version)
    if not southbound.chassis and any(committed.world.of_kind(Host)):
        fix = "If it was started on nothing, let hosts in: headgate pki central | sh (docs/guide/faults.md)."
        yield failed("southbound", "no host has come to it", fix)
    elif not southbound.absent:
        yield ok("southbound", f"{config.southbound} tells of {len(southbound.chassis)} hosts")


def _hosts(committed: Committed, realisation: Realisation) -> Iterator[Finding]:
    hosts = sorted(committed.world.of_kind(Host), key=lambda host: host.name)
    if not hosts:
        fix = "Start headgate-agent on a hypervisor (docs/guide/install.md); it registers its host by itself."
        yield warning("hosts", "none has registered", fix)
    for host in hosts:
        conditions = list(realisation.conditions(host))
        for found in conditions:
            fix = "headgate-agent doctor, on that host, says more."
            yield Finding(host.name, SEVERITIES[found.severity], f"{found.reason}: {found.message}", fix)
        if not conditions:
            yield ok(host.name, "its agent is connected, and the host is as desired")


def _chassis(committed: Committed, southbound: Southbound) -> Iterator[Finding]:
    registered = {id_of(host.name) for host in committed.world.of_kind(Host)}
    known = southbound.chassis
    for name in sorted(registered - known):
        fix = "See ovn-controller there: headgate-agent doctor."
        yield failed(f"hosts/{name}", "OVN does not know it as a chassis, so no workload works there", fix)
    for name in sorted(known - registered):
        fix = "Start its agent, or, if the machine is gone for good: ovn-sbctl chassis-del."
        yield warning(f"hosts/{name}", "OVN knows it as a chassis, Headgate does not", fix)


def _gateways(committed: Committed) -> Iterator[Finding]:
    networks = [network for host in committed.world.of_kind(Host) for network, _ in host.physical_networks]
    for network in sorted({n for n in networks if networks.count(n) == 1}):
        fix = "Connect a second host to it, or live with an interruption when that one is away."
        yield warning("gateways", f"only one host is connected to {network}", fix)
