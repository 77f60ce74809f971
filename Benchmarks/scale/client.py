"""Single HTTP requests, as a client of the API makes them."""

import http.client
import json
import time
from urllib.parse import urlsplit

from bench.processes import BenchError


class Client:
    """One connection to one server."""

    def __init__(self, url: str, seconds: float = 120) -> None:
        place = urlsplit(url)
        self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=seconds)
        self.seconds = 0.0

    def ask(self, method: str, path: str, key: str, body=None, *, status: tuple[int, ...] = (200, 201), provider=None,
            headers: dict[str, str] | None = None) -> bytes:
        """The answer's body; `seconds` is then how long it took, to its last byte."""
        sent = {"X-Scrubs-Clinic-Api-Key": key, "X-Scrubs-Clinic-Provider": provider} if provider else {"X-API-Key": key}
        sent |= headers or {}
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        start = time.monotonic()
        self.connection.request(method, path, body=content, headers=sent)
        answer = self.connection.getresponse()
        text = answer.read()
        self.seconds = time.monotonic() - start
        if answer.status not in status:
            raise BenchError(f"{method} {path} was answered {answer.status} after {self.seconds:.1f} s: {text[:500]!r}")
        return text

    def json(self, *arguments, **more):
        return json.loads(self.ask(*arguments, **more))
