"""Clients that manage keys by the root key: make them, change them, end them, and look on every node at what that did."""

from servers.connection import Answer

from .client import Client, bearing
from .history import Attempt, Change
from .keys import Key, Keyring
from .verifier import verify

PROVIDER = "clinic"
LIMITS = (0, 3, 10, 40, 200, None)


class Manager(Client):
    pause = 0.05

    def __init__(self, *client, root: str, keyring: Keyring) -> None:
        super().__init__(*client)
        self.root, self.keyring = root, keyring
        # Every value that it was ever shown, and so has to be dead or alive as its history says.
        self.values: list[Key] = []
        self._names = 0

    def act(self) -> None:
        key = self.create(usageLimit=self.drawn.choice(LIMITS), monthlyTokenLimit=self.drawn.choice(LIMITS))
        if key is None:
            return
        self._look(key)
        for _ in range(self.drawn.randint(1, 5)):
            if self.ends.is_set():
                return
            key = self._step(key)
        ending = self.drawn.random()
        if ending < 0.45:
            self._end(key, "revoke")
        elif ending < 0.85:
            self._end(key, "delete")
        self._look(key)

    def finish(self) -> None:
        """All is well again: each value is dead or alive on every node, whatever was unclear about it before."""
        for key in self.drawn.sample(self.values, min(25, len(self.values))):
            self._look(key)

    def create(self, **limits: int | None) -> Key | None:
        """Makes a key; None where it isn't known which."""
        body = {"name": "Child", "environment": "PRODUCTION", "scopes": ["*"]} | limits
        change = self._change("create", None, "POST", "/api/v1/apikey/createapikey", body, can_be_named=True)
        return self._shown(change)

    def _step(self, key: Key) -> Key:
        if self.drawn.random() < 0.6:
            self._update(key)
        else:
            key = self._rotate(key)
        self._look(key)
        return key

    def _update(self, key: Key) -> None:
        # The name makes a change of it whatever the limits were.
        self._names += 1
        body = {
            "id": key.id, "friendly_name": f"{self.name} {self._names}", "usage_limit": self.drawn.choice(LIMITS),
            "monthly_token_limit": self.drawn.choice(LIMITS)}
        self._change("update", key.id, "PUT", "/api/v1/api-key", body, repeated=self.drawn.random() < 0.3)

    def _rotate(self, key: Key) -> Key:
        overlap = self.drawn.choice((0, 0, 2))
        change = self._change(
            "rotate", key.id, "POST", f"/api/v1/apikey/{key.id}/rotate", {"overlapSecs": overlap}, can_be_named=True,
            overlap=overlap)
        new = self._shown(change)
        if new is None:
            # What it is now nobody knows; whether the former one is dead, all shall agree on.
            return key
        self._look(key)
        return new

    def _end(self, key: Key, kind: str) -> None:
        repeated = self.drawn.random() < 0.5
        ways = {
            "revoke": (("POST", f"/api/v1/apikey/{key.id}/revoke"),),
            "delete": (("DELETE", f"/api/v1/apikey/{key.id}"), ("DELETE", f"/api/v1/api-key?id={key.id}"))}
        self._change(kind, key.id, *self.drawn.choice(ways[kind]), None, repeated=repeated)
        self.keyring.end(key.id)

    def _look(self, key: Key) -> None:
        """On every node at once after the answer, the one that was frozen meanwhile included."""
        for node in self.drawn.sample(self.nodes, len(self.nodes)):
            verify(self, key, 1, 0, node)

    def _shown(self, change: Change) -> Key | None:
        """The value that the answer showed."""
        shown = change.attempts[-1].value
        if shown is None:
            return None
        key = Key(change.key, shown)
        self.values.append(key)
        self.keyring.put(key)
        return key

    def _change(
            self, kind: str, key: str | None, method: str, path: str, body: dict | None, *, can_be_named: bool = False,
            repeated: bool = False, overlap: int = 0) -> Change:
        """Asks for a change: by name until it is answered, or without a name, once or until it is answered."""
        named = self.drawn.random() < 0.6 and can_be_named
        change = Change(kind, key, named, overlap)
        headers = bearing(self.root) | {"X-Scrubs-Clinic-Provider": PROVIDER, "X-Scrubs-Clinic-Api-Key": self.root}
        # Each dialect takes its own credentials.
        headers = {name: value for name, value in headers.items() if ("Scrubs" in name) == ("/api-key" in path)}
        if named:
            headers["Idempotency-Key"] = f"{self.name}-{kind}-{len(self.history.changes)}"
        self.history.changes.append(change)

        def attempt() -> Answer:
            noted, answer = self.ask(method, path, headers, body)
            note = Attempt(noted, answer.headers.get("idempotency-replayed") == "true")
            if answer.status in (200, 201) and kind in ("create", "rotate"):
                told = answer.json["data"]
                change.key, note.value = told["id"], told["key"]
            change.attempts.append(note)
            return answer
        if named or repeated:
            self.until_answered(attempt)
        else:
            attempt()
        return change
