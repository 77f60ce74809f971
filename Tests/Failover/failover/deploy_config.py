"""The configurations in deploy/, adapted to this run's addresses."""

from pathlib import Path

from servers.failure import Failure
from servers.nodes import ROOT


def adapt(name: str, replacements: dict[str, str], target: Path) -> Path:
    """Writes a copy of a file in deploy/ with these replacements. Each text to replace must occur in it."""
    text = (ROOT / "deploy" / name).read_text()
    for old, new in replacements.items():
        if old not in text:
            raise Failure(f"deploy/{name} does not contain {old!r}")
        text = text.replace(old, new)
    target.write_text(text)
    target.chmod(0o644)
    return target
