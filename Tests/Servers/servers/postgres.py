"""PostgreSQL's programs, and the logins that Keymeter needs of it."""

import os
import shutil
from pathlib import Path

from .failure import Failure
from .processes import run

OWNER, SERVER = "keymeter_migrator", "keymeter_server"


def binaries() -> Path:
    """The folder of the server's programs: KEYMETER_PG_BIN, or the newest of Debian's, or what the PATH has."""
    if named := os.environ.get("KEYMETER_PG_BIN"):
        return Path(named)
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    if not found:
        raise Failure("no PostgreSQL: scripts/setup installs it")
    return Path(found).parent


def query(port: int, database: str, text: str) -> list[list[str]]:
    """Runs SQL as superuser, and returns what it answered."""
    answer = run(
        [str(binaries() / "psql"), "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port),
         "-U", "postgres", "-d", database, "-c", text])
    return [line.split("\t") for line in answer.splitlines()]


def add_database(port: int) -> None:
    """The login that migrates, and its database."""
    query(port, "postgres", f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
    query(port, "postgres", f"CREATE DATABASE keymeter OWNER {OWNER}")


def add_server_login(port: int) -> None:
    """A login that is no more than Keymeter's server needs, once the roles are there."""
    query(port, "keymeter", f"CREATE ROLE {SERVER} LOGIN IN ROLE keymeter_app")
