"""Resource names: `projects/{project}/vpcs/{vpc}`, chosen by clients, unique, never changed (AIP-122)."""

from __future__ import annotations

import re

ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""One segment that a user chooses: a DNS label that begins with a letter."""

ID_RULE = "lower-case letters, digits and hyphens, at most 63 characters, a letter first and no hyphen last"


def parent_of(name: str) -> str:
    """Return the name without its last collection and id; empty for a name of two segments."""
    parts = name.rsplit("/", 2)
    return parts[0] if len(parts) == 3 else ""


def id_of(name: str) -> str:
    """Return the last segment."""
    return name.rsplit("/", 1)[-1]


def project_of(name: str) -> str:
    """Return the project's id; empty for a name outside of projects."""
    parts = name.split("/", 2)
    return parts[1] if parts[0] == "projects" and len(parts) > 1 else ""


def vpc_of(name: str) -> str | None:
    """Return the name of the VPC that the resource lies in (or is), None outside of VPCs."""
    parts = name.split("/", 4)
    return "/".join(parts[:4]) if len(parts) >= 4 and parts[2] == "vpcs" else None
