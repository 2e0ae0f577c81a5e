"""The controller's configuration."""

from __future__ import annotations

from dataclasses import dataclass

from headgate_common.config import doc
from headgate_common.config_text import introduction_of, to_page
from headgate_controller.addresses import LINK_NETWORKS, SERVICE_NETWORK


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerConfig:
    """What a controller is told at its start."""

    listen: list[str] = doc(
        ["unix:/run/headgate/api.sock", "127.0.0.1:7443"],
        'Addresses of the API: "host:port", on loopback only unless there is a tls_certificate; or "unix:/path".',
    )
    require_tokens: bool = doc(
        True,
        "Whether callers on loopback need a token, too; whoever can open a unix socket of the API never does.",
    )
    tls_certificate: str = doc(
        "", "File of the API's certificate and those that vouch for it, in PEM; read anew when it changes."
    )
    tls_key: str = doc("", "File of its private key, in PEM; empty: it is in the same file.")
    tls_client_ca: str = doc(
        "", "File of CAs, in PEM: clients need a certificate of one of them, besides their token; empty: they do not."
    )
    host_listen: list[str] = doc(
        ["0.0.0.0:7444"],
        'Addresses of the host stream: "address:port" for hosts with certificates; "unix:/path" for agents of this '
        "machine: who may open the file (mode 0600) may be any host.",
    )
    pki_dir: str = doc("/var/lib/headgate/pki", "This controller's certificate: identity.pem and ca.pem.")
    ca_dir: str = doc(
        "/var/lib/headgate/ca",
        "The site's CA, if it is on this machine; at least its list `issued`, by which certificates are revoked.",
    )
    http_listen: list[str] = doc(
        ["127.0.0.1:7480"],
        "Addresses of the HTTP server (health, metrics, Terraform states), by the same rules; empty: no server.",
    )
    database: str = doc(
        "sqlite:////var/lib/headgate/headgate.db",
        "URL of the store's database, an absolute path after four slashes; or of a PostgreSQL that several controllers "
        'share: "postgresql+psycopg://user@host/database".',
    )
    name: str = doc("", "The controller's name among those that share a database; empty: the machine's host name.")
    endpoints: list[str] = doc(
        [],
        "Where clients reach the API of this controller: the others tell them while it leads; empty: as `listen` says.",
    )
    lease_seconds: int = doc(
        10, "With PostgreSQL: how long after its last sign of life another controller takes over from the leader."
    )
    history_days: int = doc(
        30, "How long changes are kept to be watched again; a watch that goes on after an older one begins anew."
    )
    history_revisions: int = doc(10_000, "How many of the last revisions are kept however old they are; at least 1.")
    state_key_file: str = doc(
        "", "File of the keys that Terraform states are sealed with, one in a line, the newest first; empty: none are."
    )
    northbound: str = doc(
        "unix:/run/ovn/ovnnb_db.sock",
        'OVN\'s Northbound database: "unix:/path", "ssl:address:port", or in the clear "tcp:address:port".',
    )
    northbound_pki_dir: str = doc(
        "/var/lib/headgate/northbound-pki",
        'The certificate for "ssl:" to Northbound, of a CA that signs no hosts: OVN lets all its holders write there.',
    )
    southbound: str = doc(
        "unix:/run/ovn/ovnsb_db.sock",
        "OVN's Southbound database, likewise, with the certificate of pki_dir; it is only read.",
    )
    southbound_remote: str = doc("", 'Where hosts reach the Southbound database: "ssl:192.0.2.1:6642".')
    service_network: str = doc(SERVICE_NETWORK, "Range that gateways use among themselves; no subnet can have it.")
    link_networks: str = doc(LINK_NETWORKS, "Range of the links between routers; no subnet can have it.")
    bfd_interval_ms: int = doc(
        300, "How often hosts check each other through the tunnels; three misses move a gateway."
    )
    telemetry_endpoint: str = doc(
        "",
        "Where spans of OpenTelemetry go, by OTLP over gRPC: http://127.0.0.1:4317; empty: none are made. "
        'Needs the extra "telemetry".',
    )
    extra_kinds: list[str] = doc([], "Importable modules that each define one more kind.")
    log_level: str = doc("info", "debug, info, warning or error.")
    log_json: bool = doc(False, "Write log lines as JSON.")


if __name__ == "__main__":
    print(to_page(ControllerConfig, "The controller", introduction_of("headgate-controller")), end="")
