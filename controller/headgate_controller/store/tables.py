"""The tables, generic over kinds. Changes go through `migrations/`, each safe for the code that still runs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

intent = Table(
    "intent",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("project", String, nullable=False),
    Column("uid", String, nullable=False, unique=True),
    Column("generation", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("message", LargeBinary, nullable=False),
)
"""Every resource as it is: its API message, serialized, without status."""

secret = Table(
    "secret",
    metadata,
    Column("name", String, primary_key=True),
    Column("message", LargeBinary, nullable=False),
)
"""Resources that hold something write-only: their API message with it. Neither intent nor the log has it."""

reference = Table(
    "reference",
    metadata,
    Column("source", String, primary_key=True),
    Column("target", String, primary_key=True),
)
"""Who refers to whom."""

revision = Table(
    "revision",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("before", LargeBinary),
    Column("after", LargeBinary),
)
"""The log: every change of every resource, in order; times in nanoseconds since the epoch."""

allocation = Table(
    "allocation",
    metadata,
    Column("pool", String, primary_key=True),
    Column("number", String, primary_key=True),
    Column("holder", String, nullable=False),
    Index("allocation_holder", "holder"),
)
"""Numbers given out; the key is the net under the check in memory. Numbers are decimal text, since IPv6 addresses
have 128 bits.
"""

request = Table(
    "request",
    metadata,
    Column("request_id", String, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Index("request_time", "time"),
)
"""Answers kept for a day, so that a request sent again is answered and not repeated."""

lease = Table(
    "lease",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("store", String, nullable=False, server_default=""),
    Column("holder", String, nullable=False, server_default=""),
    Column("endpoints", String, nullable=False, server_default=""),
    Column("session", String, nullable=False, server_default=""),
    Column("expire_time", BigInteger, nullable=False, server_default="0"),
)
"""The leader's epoch: one row; who does not hold its number cannot commit. And the store's own name, for Northbound.

Where several controllers share the database it says who leads as well: by what name, where it is reached (separated by
commas), as which process, and until when, by the database's clock; 0 if nobody does any more.
"""

token = Table(
    "token",
    metadata,
    Column("name", String, primary_key=True),
    Column("prefix", String, nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    Column("description", String, nullable=False),
    Column("projects", String, nullable=False),
    Column("writes", Boolean, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("expire_time", BigInteger),
    Column("last_use_time", BigInteger),
)
"""Tokens, outside of the log: of each secret only the SHA-256. Projects are separated by commas, or "*"."""

state_version = Table(
    "state_version",
    metadata,
    Column("path", String, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("serial", BigInteger),
    Column("size", BigInteger, nullable=False),
    Column("key", String, nullable=False),
    Column("content", LargeBinary),
)
"""Terraform's states: the last versions of each. `key` names the key that `content` is sealed with, empty for none;
without content the state was deleted.
"""

state_lock = Table(
    "state_lock",
    metadata,
    Column("path", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("holder", LargeBinary, nullable=False),
)
"""Who holds a state of Terraform's, in Terraform's words."""

enrolment = Table(
    "enrolment",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("host", String, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    Column("key", LargeBinary),
)
"""Which hosts may enrol: by the hash of a secret, until a time in nanoseconds since the epoch, and once the secret was
used, for the key that has this hash.
"""
