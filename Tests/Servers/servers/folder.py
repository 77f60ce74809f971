"""The folder that a run's servers work in."""

import contextlib
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from .processes import service_user


@contextlib.contextmanager
def working_folder(name: str, *, keep: bool):
    """A new folder of the service user's, which is removed in the end unless it is to be kept."""
    # Short, since PostgreSQL's sockets lie in it.
    folder = Path(tempfile.mkdtemp(prefix=f"keymeter-{name}-", dir="/tmp"))
    give_to_service_user(folder)
    try:
        yield folder
    finally:
        if keep:
            print(f"{name}: logs: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def give_to_service_user(folder: Path) -> None:
    if user := service_user():
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
