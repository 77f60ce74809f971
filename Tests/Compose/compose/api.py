"""Calls the API on the published port."""

import time

from servers.connection import Connection, Response


class API:
    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, method: str, path: str, key: str | None = None, body=None, **headers) -> Response:
        """Sends one request on a new connection. Underscores in header names stand for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["X-API-Key"] = key
        connection = Connection(self.port)
        try:
            return connection.request(method, path, sent, body, timeout=20)
        finally:
            connection.close()

    def retry_until_answered(self, seconds: float, *call, **options) -> Response:
        """Retries an idempotent request until its status is not 503."""
        end = time.monotonic() + seconds
        while True:
            response = self.call(*call, **options)
            if response.status not in (0, 503) or time.monotonic() > end:
                return response
            time.sleep(0.05)
