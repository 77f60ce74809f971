"""Clients that manage keys with the root key: create, update, rotate, revoke and delete them, and verify on every node."""

from servers.connection import Response

from .client import Client, auth_headers
from .journal import ChangeAttempt, KeyChange
from .keys import Key, KeyPool
from .verifier import verify

PROVIDER = "clinic"
LIMITS = (0, 3, 10, 40, 200, None)


class Manager(Client):
    pause = 0.05

    def __init__(self, *client, root: str, pool: KeyPool) -> None:
        super().__init__(*client)
        self.root, self.pool = root, pool
        # Every secret that this client was shown.
        self.shown: list[Key] = []
        self._updates = 0

    def act(self) -> None:
        key = self.create(usageLimit=self.rng.choice(LIMITS), monthlyTokenLimit=self.rng.choice(LIMITS))
        if key is None:
            return
        self._verify_on_all_nodes(key)
        for _ in range(self.rng.randint(1, 5)):
            if self.stopping.is_set():
                return
            key = self._update_or_rotate(key)
        ending = self.rng.random()
        if ending < 0.45:
            self._end(key, "revoke")
        elif ending < 0.85:
            self._end(key, "delete")
        self._verify_on_all_nodes(key)

    def finish(self) -> None:
        """Verifies some of the secrets on every node, now that all faults are over."""
        for key in self.rng.sample(self.shown, min(25, len(self.shown))):
            self._verify_on_all_nodes(key)

    def create(self, **limits: int | None) -> Key | None:
        """Creates a key. Returns None if no response arrived."""
        body = {"name": "Child", "environment": "PRODUCTION", "scopes": ["*"]} | limits
        change = self._change("create", None, "POST", "/api/v1/apikey/createapikey", body, takes_idempotency_key=True)
        return self._take_secret(change)

    def _update_or_rotate(self, key: Key) -> Key:
        if self.rng.random() < 0.6:
            self._update(key)
        else:
            key = self._rotate(key)
        self._verify_on_all_nodes(key)
        return key

    def _update(self, key: Key) -> None:
        # The new name makes sure that the update changes something.
        self._updates += 1
        body = {
            "id": key.id, "friendly_name": f"{self.name} {self._updates}", "usage_limit": self.rng.choice(LIMITS),
            "monthly_token_limit": self.rng.choice(LIMITS)}
        self._change("update", key.id, "PUT", "/api/v1/api-key", body, retried=self.rng.random() < 0.3)

    def _rotate(self, key: Key) -> Key:
        overlap = self.rng.choice((0, 0, 2))
        change = self._change(
            "rotate", key.id, "POST", f"/api/v1/apikey/{key.id}/rotate", {"overlapSecs": overlap},
            takes_idempotency_key=True, overlap=overlap)
        new = self._take_secret(change)
        if new is None:
            # The outcome is unknown. The verifications that follow must still agree on the former secret.
            return key
        self._verify_on_all_nodes(key)
        return new

    def _end(self, key: Key, kind: str) -> None:
        retried = self.rng.random() < 0.5
        calls = {
            "revoke": (("POST", f"/api/v1/apikey/{key.id}/revoke"),),
            "delete": (("DELETE", f"/api/v1/apikey/{key.id}"), ("DELETE", f"/api/v1/api-key?id={key.id}"))}
        self._change(kind, key.id, *self.rng.choice(calls[kind]), None, retried=retried)
        self.pool.retire(key.id)

    def _verify_on_all_nodes(self, key: Key) -> None:
        """Verifies on each node right after a change was answered, including on a node that was frozen during it."""
        for node in self.rng.sample(self.nodes, len(self.nodes)):
            verify(self, key, 1, 0, node)

    def _take_secret(self, change: KeyChange) -> Key | None:
        """The secret in the response, if there was one."""
        secret = change.attempts[-1].secret
        if secret is None:
            return None
        key = Key(change.key_id, secret)
        self.shown.append(key)
        self.pool.add(key)
        return key

    def _change(
            self, kind: str, key_id: str | None, method: str, path: str, body: dict | None, *,
            takes_idempotency_key: bool = False, retried: bool = False, overlap: int = 0) -> KeyChange:
        """Sends a change. It is retried until it is answered if it has an Idempotency-Key or if `retried` is set."""
        idempotent = self.rng.random() < 0.6 and takes_idempotency_key
        change = KeyChange(kind, key_id, idempotent, overlap)
        if "/api-key" in path:
            headers = {"X-Scrubs-Clinic-Provider": PROVIDER, "X-Scrubs-Clinic-Api-Key": self.root}
        else:
            headers = auth_headers(self.root)
        if idempotent:
            headers["Idempotency-Key"] = f"{self.name}-{kind}-{len(self.journal.changes)}"
        self.journal.changes.append(change)

        def attempt() -> Response:
            record, response = self.request(method, path, headers, body)
            entry = ChangeAttempt(record, response.headers.get("idempotency-replayed") == "true")
            if record.is_success and kind in ("create", "rotate"):
                data = response.json["data"]
                change.key_id, entry.secret = data["id"], data["key"]
            change.attempts.append(entry)
            return response
        if idempotent or retried:
            self.retry_until_answered(attempt)
        else:
            attempt()
        return change
