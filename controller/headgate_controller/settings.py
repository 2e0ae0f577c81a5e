"""What the configuration amounts to: files, addresses and ranges, checked before anything runs.

Every refusal names the setting and the fix.
"""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from pathlib import Path

import grpc
from sqlalchemy.exc import SQLAlchemyError

from headgate_common.config_text import without_passwords
from headgate_common.identity import IdentityFiles
from headgate_common.pki import PkiError
from headgate_common.telemetry import Telemetry, TelemetryError
from headgate_controller.addresses import Reserved, reserved_ranges
from headgate_controller.config import ControllerConfig
from headgate_controller.errors import HeadgateError
from headgate_controller.hosts.door import Door
from headgate_controller.serving import UNIX, is_local
from headgate_controller.store.candidate import Candidate, SharedCandidate, SoleCandidate
from headgate_controller.store.database import Database
from headgate_controller.store.history import Keep
from headgate_controller.tls import ServerCertificate

MOST_DAYS = 36_500
"""For who wants to keep the log for ever."""

OVSDB_ADDRESS = re.compile(r"unix:.+|(tcp|ssl):.+:[0-9]{1,5}")


class SettingError(HeadgateError):
    """A value of the configuration cannot be used."""

    code, reason = "INVALID_ARGUMENT", "UNUSABLE_SETTING"


def check_ovn_database(setting: str, remote: str, pki_dir: str) -> None:
    """See that a database of OVN has an address, and that there is a certificate if it is reached by one.

    Raises:
        SettingError: it is not so.
    """
    if not OVSDB_ADDRESS.fullmatch(remote):
        raise SettingError(f"{setting}: {remote!r} is neither unix:/path nor ssl:address:port or tcp:address:port.")
    if remote.startswith("ssl:"):
        try:
            IdentityFiles(Path(pki_dir)).load()
        except PkiError as error:
            raise SettingError(f"{setting}: it is reached by a certificate. {error}") from error


def open_database(config: ControllerConfig) -> Database:
    """Return the store's database.

    Raises:
        SettingError: its URL or the lease cannot be used. UnavailableError: it cannot be opened.
    """
    if config.lease_seconds < 1:
        raise SettingError(f"lease_seconds: it is {config.lease_seconds}; 1 is the least.")
    try:
        return Database(config.database, config.lease_seconds)
    except (ImportError, SQLAlchemyError) as error:
        text = f"database: {config.database} cannot be used: {error}. Check the URL, and install the driver it names."
        raise SettingError(without_passwords(text)) from error


def lead_candidate(config: ControllerConfig, database: Database) -> Candidate:
    """Return this controller as one that can lead."""
    if not database.shared:
        return SoleCandidate(database)
    endpoints = config.endpoints or [address for address in config.listen if not address.startswith(UNIX)]
    return SharedCandidate(database, name(config), tuple(endpoints), config.lease_seconds)


def name(config: ControllerConfig) -> str:
    """Return the controller's name among those of its site."""
    return config.name or socket.gethostname()


def history(config: ControllerConfig) -> Keep:
    """Return what of the log is kept.

    Raises:
        SettingError: it would be nothing, or for longer than there are dates.
    """
    if config.history_revisions < 1:
        raise SettingError(f"history_revisions: it is {config.history_revisions}; 1 is the least.")
    if not 0 <= config.history_days <= MOST_DAYS:
        raise SettingError(f"history_days: it is {config.history_days}; 0 to {MOST_DAYS} are possible.")
    return Keep(config.history_revisions, timedelta(days=config.history_days))


def host_credentials(config: ControllerConfig, door: Door) -> grpc.ServerCredentials | None:
    """Return what hosts are met with; None if they come by unix sockets only.

    Raises:
        SettingError: hosts come by TCP and there is no certificate that can be used.
    """
    if all(address.startswith(UNIX) for address in config.host_listen):
        return None
    try:
        return door.credentials()
    except PkiError as error:
        raise SettingError(f"host_listen: hosts are met with certificates only. pki_dir: {error}") from error


def api_certificate(config: ControllerConfig) -> ServerCertificate | None:
    """Return what callers by TCP are met with; None if they are met in the clear.

    Raises:
        SettingError: whoever reaches it could do everything, or the settings contradict each other.
    """
    exposed = [address for address in (*config.listen, *config.http_listen) if not is_local(address)]
    if exposed and not config.require_tokens:
        text = f"require_tokens: it is false, so that whoever reaches {exposed[0]} could do everything; set it to true,"
        raise SettingError(f"{text} or listen on 127.0.0.1:port or unix:/path.")
    if not config.tls_certificate:
        if config.tls_key or config.tls_client_ca:
            raise SettingError("tls_key, tls_client_ca: they are nothing without tls_certificate; set that too.")
        return None
    certificate = Path(config.tls_certificate)
    key, client_ca = Path(config.tls_key or certificate), config.tls_client_ca
    return ServerCertificate(certificate, key, Path(client_ca) if client_ca else None)


def telemetry(config: ControllerConfig) -> Telemetry | None:
    """Return what sends spans; None if nobody wants them.

    Raises:
        SettingError: they cannot be sent.
    """
    try:
        return Telemetry("headgate-controller", config.telemetry_endpoint) if config.telemetry_endpoint else None
    except TelemetryError as error:
        raise SettingError(f"telemetry_endpoint: {error}") from error


def reserved(config: ControllerConfig) -> Reserved:
    """Return the ranges that no subnet can have.

    Raises:
        SettingError: a configured one is no prefix.
    """
    try:
        return reserved_ranges(config.service_network, config.link_networks)
    except ValueError as error:
        raise SettingError(f"service_network, link_networks: {error}.") from error


def global_options(config: ControllerConfig) -> dict[str, str]:
    """Return the keys of NB_Global's options that are ours: how fast hosts notice that another is gone."""
    interval = str(config.bfd_interval_ms)
    return {"bfd-min-rx": interval, "bfd-min-tx": interval, "bfd-mult": "3"}
