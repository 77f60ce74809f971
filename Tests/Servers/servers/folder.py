"""The folder that holds a run's data and logs."""

import contextlib
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from .processes import service_user


@contextlib.contextmanager
def working_folder(name: str, *, keep: bool):
    """A new folder, owned by the service user. It is removed at the end unless `keep` is set."""
    # The path must be short, because PostgreSQL puts its Unix sockets here.
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
