"""Headgate from Python: resources as the generated messages of headgate.v1, and what every program would write around
them.

    from headgate.v1.vpc_pb2 import Vpc
    from headgate_sdk import Client

    with Client(["localhost:7443"]) as client:
        client.create_and_wait(Vpc(name="projects/demo/vpcs/shop"))
"""

from headgate_common.refusals import Fault
from headgate_sdk.client import Client, creation, deletion, update
from headgate_sdk.connection import Connection
from headgate_sdk.errors import (
    AlreadyExistsError,
    HeadgateError,
    InvalidError,
    NotFoundError,
    NotRealisedError,
    RefusedError,
    UnreachableError,
)
from headgate_sdk.watching import CaughtUp, Change

__all__ = [
    "AlreadyExistsError",
    "CaughtUp",
    "Change",
    "Client",
    "Connection",
    "Fault",
    "HeadgateError",
    "InvalidError",
    "NotFoundError",
    "NotRealisedError",
    "RefusedError",
    "UnreachableError",
    "creation",
    "deletion",
    "update",
]
