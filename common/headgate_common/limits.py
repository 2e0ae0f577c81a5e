"""What the system lets a process have."""

from __future__ import annotations

import resource

FILES = 65_536


def allow_many_files() -> None:
    """Let this process open as many files as its system allows, up to `FILES`: each connection is one, and what a
    service is given by default, 1024, is fewer than the hosts of a large site.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
