"""A mount namespace of the run's own: what is mounted in it is gone with its last process, however that ends."""

import os
import subprocess
import sys

from servers.failure import Failure

MARK = "CHAOS_NAMESPACE"


def enter() -> None:
    """Starts the run anew in a mount namespace of its own, under the same process id, unless it is in one already."""
    if os.environ.get(MARK):
        return
    unshare = ["unshare", "--mount"]
    if os.geteuid() != 0:
        # An unprivileged user may mount a tmpfs where it is root of a user namespace; to everybody else it stays itself.
        unshare += ["--user", "--map-current-user", "--keep-caps"]
    tried = subprocess.run([*unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise Failure(
            "a disk that can be filled takes a mount namespace, and this system allows none: run it as root, or let users "
            f"make user namespaces ({tried.stderr.strip()})")
    os.environ[MARK] = "1"
    os.execvp(unshare[0], [*unshare, sys.executable, "-m", "chaos", *sys.argv[1:]])
