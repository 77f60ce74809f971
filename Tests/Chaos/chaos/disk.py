"""A small disk for PostgreSQL's data that can be filled completely."""

import ctypes
import errno
import os
from pathlib import Path

from servers.failure import Failure
from servers.folder import give_to_service_user

MEGABYTES = 400
NOSUID, NODEV, DETACH = 2, 4, 2


class Disk:
    """A tmpfs in the run's mount namespace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir()
        # The system call, because mount(8) requires root.
        self._libc = ctypes.CDLL(None, use_errno=True)
        options = f"size={MEGABYTES}m,mode=0700".encode()
        if self._libc.mount(b"tmpfs", str(self.folder).encode(), b"tmpfs", NOSUID | NODEV, options) != 0:
            raise Failure(f"cannot mount a tmpfs: {os.strerror(ctypes.get_errno())}")
        give_to_service_user(self.folder)
        self._ballast = self.folder / "ballast"

    def __enter__(self) -> "Disk":
        return self

    def __exit__(self, *_) -> None:
        """Unmounts the disk, because its folder is removed while this process still runs."""
        self._libc.umount2(str(self.folder).encode(), DETACH)

    def fill(self) -> None:
        """Takes all free space, including space freed during the call."""
        with self._ballast.open("ab") as file:
            for size in (1 << 20, 1 << 12):
                while self._grow(file.fileno(), size):
                    pass

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    @staticmethod
    def _grow(file: int, size: int) -> bool:
        try:
            os.posix_fallocate(file, os.fstat(file).st_size, size)
            return True
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return False
