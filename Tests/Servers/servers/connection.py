"""How clients speak with a node."""

import http.client
import json
import urllib.request
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    # 0: none, or half of one.
    status: int
    # By their names in small letters, as HAProxy passes them on; a node writes them otherwise.
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    # False where nobody was there to send the request to, so that it can't have had an effect.
    sent: bool = True

    @property
    def by_node(self) -> bool:
        """Whether a node gave it, rather than what stands before it."""
        return "x-request-id" in self.headers

    @property
    def json(self):
        return json.loads(self.body)


class Connection:
    """One client's connection, opened anew after it broke."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(
            self, method: str, path: str, headers: dict[str, str], body: dict | None = None,
            patience: float = 30) -> Answer:
        """Sends a request; `patience` is how many seconds to wait for more of an answer."""
        if body is not None:
            headers = headers | {"Content-Type": "application/json"}
        self._connection.timeout = patience
        try:
            if self._connection.sock is None:
                self._connection.connect()
            self._connection.sock.settimeout(patience)
        except OSError:
            self._connection.close()
            return Answer(0, sent=False)
        try:
            self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = self._connection.getresponse()
            content = response.read()
            return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, content)
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Answer(0)

    def close(self) -> None:
        self._connection.close()


def answers(url: str) -> bool:
    """Whether a server answers a request with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False
