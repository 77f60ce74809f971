"""HTTP as the test clients use it."""

import http.client
import json
import urllib.request
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Response:
    # 0: no response, or an incomplete one.
    status: int
    # Names in lower case: a node and HAProxy write them differently.
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    # False if the connection could not be opened. The request then had no effect.
    sent: bool = True

    @property
    def from_node(self) -> bool:
        """Whether a node sent this response, rather than the load balancer."""
        return "x-request-id" in self.headers

    @property
    def json(self):
        return json.loads(self.body)


class Connection:
    """A client's connection. It reconnects after an error."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def request(
            self, method: str, path: str, headers: dict[str, str], body: dict | None = None,
            timeout: float = 30) -> Response:
        """Sends a request; `timeout` is the longest wait for the next bytes of the response, in seconds."""
        if body is not None:
            headers = headers | {"Content-Type": "application/json"}
        self._connection.timeout = timeout
        try:
            if self._connection.sock is None:
                self._connection.connect()
            self._connection.sock.settimeout(timeout)
        except OSError:
            self._connection.close()
            return Response(0, sent=False)
        try:
            self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = self._connection.getresponse()
            content = response.read()
            return Response(response.status, {name.lower(): value for name, value in response.headers.items()}, content)
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Response(0)

    def close(self) -> None:
        self._connection.close()


def is_up(url: str) -> bool:
    """Whether the URL responds with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False
