"""PostgreSQL's programs, and the database and logins that Keymeter needs."""

import os
import shutil
from pathlib import Path

from .failure import Failure
from .processes import run

OWNER, SERVER = "keymeter_migrator", "keymeter_server"


def postgres_bin() -> Path:
    """The folder of PostgreSQL's programs: KEYMETER_PG_BIN, else Debian's newest version, else the one on the PATH."""
    if named := os.environ.get("KEYMETER_PG_BIN"):
        return Path(named)
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    if not found:
        raise Failure("PostgreSQL is missing: scripts/setup installs it")
    return Path(found).parent


def query(port: int, database: str, sql: str) -> list[list[str]]:
    """Runs SQL as superuser and returns the rows."""
    output = run(
        [str(postgres_bin() / "psql"), "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port),
         "-U", "postgres", "-d", database, "-c", sql])
    return [line.split("\t") for line in output.splitlines()]


def create_database(port: int) -> None:
    """Creates the login that migrates, and its database."""
    query(port, "postgres", f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
    query(port, "postgres", f"CREATE DATABASE keymeter OWNER {OWNER}")


def create_server_login(port: int) -> None:
    """Creates the nodes' login. It has only the server's role, which the migrations create."""
    query(port, "keymeter", f"CREATE ROLE {SERVER} LOGIN IN ROLE keymeter_app")
