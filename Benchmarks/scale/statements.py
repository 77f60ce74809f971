"""Reads the server's SQL statements from its sources, to find each executed statement's name by its text."""

import re
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent.parent / "Sources" / "KeymeterRepository"
_LITERAL = r'"""\n(?P<long>.*?)"""|"(?P<short>(?:[^"\\]|\\\([^)]*\))*)"|(?P<name>[a-z]\w*)'
_STATEMENT = re.compile(r'Statement\(\s*"(?P<statement>[a-z_]+)",\s*(?:' + _LITERAL + r")\s*\)", re.S)
_CONSTANT = re.compile(r'(?:static )?let (?P<text>\w+) = (?:' + _LITERAL + ")", re.S)
_INTERPOLATION = re.compile(r'\\\(\s*(\w+)(?:\("[^"]*"\))?\s*\)')


@dataclass(frozen=True)
class NamedStatement:
    name: str
    pattern: re.Pattern


def _content(match: re.Match) -> str:
    literal = match["long"] if match["long"] is not None else match["short"]
    return f"\\({match['name']})" if literal is None else literal


def catalogue() -> list[NamedStatement]:
    """Each statement with a pattern that matches its text, with wildcards for interpolated values. The longest come first."""
    found = []
    for file in sorted(SOURCES.rglob("*Statements.swift")):
        source = file.read_text()
        constants = {match["text"]: _content(match) for match in _CONSTANT.finditer(source)}
        for match in _STATEMENT.finditer(source):
            found.append((match["statement"], _expanded(_content(match), constants)))
    return [NamedStatement(name, _pattern(text)) for name, text in sorted(found, key=lambda pair: -len(pair[1]))]


def _expanded(text: str, constants: dict[str, str]) -> str:
    """Replaces interpolated constants of the same file by their text, and all others by a wildcard (NUL)."""
    for _ in range(5):
        text = _INTERPOLATION.sub(lambda match: constants.get(match[1], "\x00"), text)
    return text


def _pattern(text: str) -> re.Pattern:
    parts = [r"\s+".join(map(re.escape, part.split())) for part in text.split("\x00")]
    return re.compile(r"\s*" + r".*?".join(rf"\s*{part}\s*" for part in parts) + r"\s*", re.S)


def name_of(text: str, known: list[NamedStatement]) -> str | None:
    return next((statement.name for statement in known if statement.pattern.fullmatch(text)), None)
