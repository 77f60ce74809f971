"""The configurations in deploy/, with this run's addresses put into them."""

from pathlib import Path

from servers.failure import Failure
from servers.nodes import ROOT


def shipped(name: str, changes: dict[str, str], into: Path) -> Path:
    """Writes a file of deploy/ with some of its text replaced; all of that must be there."""
    text = (ROOT / "deploy" / name).read_text()
    for found, replacement in changes.items():
        if found not in text:
            raise Failure(f"deploy/{name} doesn't say {found!r}")
        text = text.replace(found, replacement)
    into.write_text(text)
    into.chmod(0o644)
    return into
