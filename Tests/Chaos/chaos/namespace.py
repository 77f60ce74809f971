"""Runs in a new mount namespace. The kernel removes its mounts with the last process, even after a crash."""

import os
import subprocess
import sys

from servers.failure import Failure

MARK = "CHAOS_NAMESPACE"


def enter() -> None:
    """Re-executes this process, under the same process id, in a new mount namespace. Does nothing the second time."""
    if os.environ.get(MARK):
        return
    unshare = ["unshare", "--mount"]
    if os.geteuid() != 0:
        # A user who is root in a user namespace may mount a tmpfs. Outside of it the process keeps its own identity.
        unshare += ["--user", "--map-current-user", "--keep-caps"]
    probe = subprocess.run([*unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        raise Failure(
            "a disk that can be filled needs a mount namespace, which this system does not allow: run as root, or allow "
            f"unprivileged user namespaces ({probe.stderr.strip()})")
    os.environ[MARK] = "1"
    os.execvp(unshare[0], [*unshare, sys.executable, "-m", "chaos", *sys.argv[1:]])
