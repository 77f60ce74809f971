"""An API client that measures each request's time."""

import http.client
import json
import time
from urllib.parse import urlsplit

from servers.failure import Failure


class Client:
    """One connection to one server."""

    def __init__(self, url: str, timeout: float = 120) -> None:
        address = urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
        self.seconds = 0.0

    def request(
            self, method: str, path: str, key: str, body=None, *, status: tuple[int, ...] = (200, 201), provider=None,
            headers: dict[str, str] | None = None) -> bytes:
        """Returns the response's body. `seconds` is then the time until its last byte."""
        sent = {"X-Scrubs-Clinic-Api-Key": key, "X-Scrubs-Clinic-Provider": provider} if provider else {"X-API-Key": key}
        sent |= headers or {}
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        start = time.monotonic()
        self.connection.request(method, path, body=content, headers=sent)
        response = self.connection.getresponse()
        text = response.read()
        self.seconds = time.monotonic() - start
        if response.status not in status:
            raise Failure(f"{method} {path} got status {response.status} after {self.seconds:.1f} s: {text[:500]!r}")
        return text

    def json(self, *arguments, **options):
        return json.loads(self.request(*arguments, **options))
