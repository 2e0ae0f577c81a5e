"""What a state of Terraform's says of itself, and that it is one."""

from __future__ import annotations

import json
import subprocess
import sys

from headgate_controller.errors import UnavailableError
from headgate_controller.store.state_locks import parsed, refused

LARGEST_STATE = 64 * 1024 * 1024
LARGE = 1024 * 1024
"""Bytes from which a state is read in a process of its own: reading 64 MiB here would hold up every thread for a second
and more, the streams of hosts among them. A process costs some 20 ms.
"""

READER = """
import json, sys
try:
    found = json.loads(sys.stdin.buffer.read().decode())
except (ValueError, RecursionError):
    found = None
match found:
    case {"serial": int(serial)}:
        print(json.dumps({"serial": serial}))
    case {}:
        print("{}")
    case _:
        print("null")
"""


def serial_of(content: bytes) -> int | None:
    """Return the serial number of a state, if it tells.

    Raises:
        InvalidError: it is not JSON, as every state is, or too large. UnavailableError: it cannot be read now.
    """
    if len(content) > LARGEST_STATE:
        raise refused("TOO_LARGE", f"It has {len(content)} bytes, and at most {LARGEST_STATE} are kept; split it.")
    match parsed(content) if len(content) < LARGE else _parsed_elsewhere(content):
        case {"serial": int(serial)} if 0 <= serial < 1 << 63:
            return serial
        case {}:
            return None
    raise refused("BAD_STATE", "A state is a JSON object, and this is none: it may have been cut off on its way.")


def _parsed_elsewhere(content: bytes) -> object:
    """Return what of a state matters here; None if it is no JSON.

    Raises:
        UnavailableError: the process that reads it cannot begin, or was ended: nothing is known of the state then.
    """
    command = (sys.executable, "-I", "-S", "-c", READER)
    try:
        done = subprocess.run(command, input=content, capture_output=True, check=False)
        why = f"the process that reads it ended with {done.returncode}" if done.returncode else ""
    except OSError as error:
        why = f"no process can be begun that reads it: {error.strerror}"
    if why:
        raise UnavailableError(f"The state cannot be taken now: {why}. Nothing was changed; repeat the request.")
    return json.loads(done.stdout)
