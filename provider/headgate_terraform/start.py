"""The start of the provider, as short as it can be: Terraform does it three to five times for one command.

The first start of a command splits off a process that serves it and every later one of the same Terraform
(`keeper.py`); each of them then only prints the handshake that it is given, and waits for the end. Nothing is imported
here that takes time: `pathlib` would be a sixth of all.
"""

import os
import signal
import socket
import struct
from contextlib import suppress

COOKIE = ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
"""By this variable a plugin knows that Terraform started it, not a curious user."""

ANSWER_SECONDS = 20.0
"""How long the process that serves may take to answer; Terraform itself gives a start a minute."""

OWN_VARIABLES = (b"PLUGIN_CLIENT_CERT", b"PLUGIN_PROTOCOL_VERSIONS")
"""What may differ from start to start of one command: the provider uses neither a certificate of Terraform's nor the
order, of no meaning, in which that names the versions of its protocol.
"""

SIZE = struct.Struct("!I")
"""What goes before a request: how many bytes it has."""

_CREDENTIALS = struct.Struct("3i")


def address_of(terraform: int) -> str:
    """Return where the process listens that serves a Terraform: a name in no directory, gone with who has it.

    Source: unix(7), abstract socket addresses.
    """
    return f"\0headgate-terraform-{os.getuid()}-{terraform}"


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Return the process and the user at the other end.

    Source: unix(7), SO_PEERCRED.
    """
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(found)
    return process, user


def parent_of(process: int) -> int:
    """Return the process that started another; 0 if that cannot be told."""
    return _fields_of(process)[1]


def is_kin(process: int) -> bool:
    """Return whether a process is of the same session as this one: to be so it must have been begun in it.

    Of a container that shares its network with this one, or with the machine, any process can take any address, and be
    of a user of the same number.
    """
    session = _fields_of(process)[3]
    return process > 0 and session == os.getsid(0)


def _fields_of(process: int) -> list[int]:
    """Return the first fields of what is told of a process after its name, its state among them as 0; zeros if nothing
    is told of it.

    Source: proc(5), /proc/PID/stat.
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as stream:  # noqa: PTH123
            return [0, *map(int, stream.read().rpartition(b")")[2].split()[1:4])]
    except OSError:
        return [0, 0, 0, 0]


def circumstances() -> bytes:
    """Return what starts must have in common to be served by one process: the program, as it was installed, the
    directory in which relative paths begin, and the environment.
    """
    variables = (b"%b=%b" % (name, os.environb[name]) for name in sorted(os.environb) if name not in OWN_VARIABLES)
    program = f"{__file__} {os.stat(__file__).st_mtime_ns}"  # noqa: PTH116
    return b"\0".join([os.fsencode(program), os.getcwdb(), *variables])  # noqa: PTH109


def pass_on() -> int | None:
    """Have this start served by the process that serves the same Terraform, begun here if there is none, until that has
    ended; return the exit status.

    None, having printed nothing: nobody would, so it must be served here. So it is where there are no pidfds (on other
    systems than Linux), and for a start that has little in common with the first one.
    """
    if not hasattr(os, "pidfd_open"):
        return None
    # Ctrl-C reaches the whole process group; Terraform then asks us to stop in its own way.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with _connected(os.getppid()) as connection:
            return _served(connection)
    except OSError:
        return None


def _served(connection: socket.socket) -> int | None:
    connection.settimeout(ANSWER_SECONDS)
    wanted = circumstances()
    socket.send_fds(connection, [SIZE.pack(len(wanted))], [2])
    connection.sendall(wanted)
    line = connection.makefile().readline()
    if not line:
        return None
    print(line, end="", flush=True)
    connection.settimeout(None)
    with suppress(OSError):
        connection.recv(1)
    return 0


def _connected(terraform: int) -> socket.socket:
    """Return a connection to the process that serves a Terraform, begun now if there is none."""
    connection = socket.socket(socket.AF_UNIX)
    with suppress(ConnectionRefusedError):
        connection.connect(address_of(terraform))
        process, user = peer_of(connection)
        if user == os.getuid() and is_kin(process):
            return connection
    connection.close()
    return _begun(terraform)


def _begun(terraform: int) -> socket.socket:
    """Split off the process that serves a Terraform, and return a connection to it."""
    ours, theirs = socket.socketpair()
    if os.fork():
        theirs.close()
        return ours
    ours.close()
    # Whatever is the matter here, the start will serve itself once this has ended, and say what it is.
    try:
        from headgate_terraform.keeper import keep

        keep(terraform, theirs)
    finally:
        os._exit(1)
