"""Every statement that the server has, as its sources write it: what is run is to be found among them."""

import re
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent.parent / "Sources" / "KeymeterRepository"
_LITERAL = r'"""\n(?P<long>.*?)"""|"(?P<short>(?:[^"\\]|\\\([^)]*\))*)"|(?P<name>[a-z]\w*)'
_STATEMENT = re.compile(r'Statement\(\s*"(?P<statement>[a-z_]+)",\s*(?:' + _LITERAL + r")\s*\)", re.S)
_TEXT = re.compile(r'(?:static )?let (?P<text>\w+) = (?:' + _LITERAL + ")", re.S)
_PLACE = re.compile(r'\\\(\s*(\w+)(?:\("[^"]*"\))?\s*\)')


@dataclass(frozen=True)
class Named:
    name: str
    pattern: re.Pattern


def _content(match: re.Match) -> str:
    written = match["long"] if match["long"] is not None else match["short"]
    return f"\\({match['name']})" if written is None else written


def catalogue() -> list[Named]:
    """A statement and what its text looks like, whatever Swift puts in its places; the most exact one first."""
    found = []
    for file in sorted(SOURCES.rglob("*Statements.swift")):
        source = file.read_text()
        texts = {match["text"]: _content(match) for match in _TEXT.finditer(source)}
        for match in _STATEMENT.finditer(source):
            found.append((match["statement"], _filled(_content(match), texts)))
    return [Named(name, _pattern(text)) for name, text in sorted(found, key=lambda pair: -len(pair[1]))]


def _filled(text: str, texts: dict[str, str]) -> str:
    """Puts in what the same file says; what is a function's stays a place for anything."""
    for _ in range(5):
        text = _PLACE.sub(lambda place: texts.get(place[1], "\x00"), text)
    return text


def _pattern(text: str) -> re.Pattern:
    parts = [r"\s+".join(map(re.escape, part.split())) for part in text.split("\x00")]
    return re.compile(r"\s*" + r".*?".join(rf"\s*{part}\s*" for part in parts) + r"\s*", re.S)


def name_of(text: str, known: list[Named]) -> str | None:
    return next((named.name for named in known if named.pattern.fullmatch(text)), None)
