"""The API, as a client of the published port sees it."""

import http.client
import json
import time


class Reply:
    def __init__(self, status: int, headers, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class API:
    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, method: str, path: str, key: str | None = None, body=None, **headers) -> Reply:
        """One call on a connection of its own; 0 as the status where none was answered."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["X-API-Key"] = key
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, sent)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            return Reply(0, {}, b"")
        finally:
            connection.close()

    def used(self, key: str) -> int:
        """How many requests the key has used this month."""
        return self.call("GET", "/api/v1/usage", key).json["limits"]["requests"]["used"]

    def until_answered(self, seconds: float, *call, **options) -> Reply:
        """Repeats a call that may be repeated until it is answered by something else than 503."""
        end = time.monotonic() + seconds
        while True:
            reply = self.call(*call, **options)
            if reply.status not in (0, 503) or time.monotonic() > end:
                return reply
            time.sleep(0.05)
