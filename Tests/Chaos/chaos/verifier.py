"""Clients that verify keys: keys that never change, keys that managers change, and sometimes retired secrets."""

from servers.connection import Response
from servers.nodes import Node

from .client import Client, auth_headers
from .journal import DIMENSIONS, RequestRecord, Verification
from .keys import Key, KeyPool


class Verifier(Client):
    pause = 0.005

    def __init__(self, *client, fixed: list[Key], pool: KeyPool) -> None:
        super().__init__(*client)
        self.fixed, self.pool = fixed, pool

    def act(self) -> None:
        source, fraction = self.rng.random(), self.rng.random()
        requests, tokens = self.rng.randint(1, 3), self.rng.choice((0, 0, 1, 5))
        key = self.fixed[int(fraction * len(self.fixed))]
        if source > 0.6:
            key = self.pool.pick_active(fraction) or key
        elif source > 0.5:
            key = self.pool.pick_retired(fraction) or key
        verify(self, key, requests, tokens)


def verify(client: Client, key: Key, requests: int, tokens: int, node: Node | None = None) -> None:
    """Verifies a key, on the given node if there is one, and records the response."""
    record, response = client.request(
        "GET", f"/api/v1/verify?requests={requests}&tokens={tokens}", auth_headers(key.secret), node=node,
        full_timeout=node is not None)
    client.journal.verifications.append(parse(record, response, key, {"requests": requests, "tokens": tokens}))


def parse(record: RequestRecord, response: Response, key: Key, amounts: dict[str, int]) -> Verification:
    verification = Verification(record, key.id, key.secret, amounts)
    if record.status == 200:
        content = response.json
        verification.limits = {dimension: content["limits"][dimension]["limit"] for dimension in DIMENSIONS}
        verification.used = {dimension: content["limits"][dimension]["used"] for dimension in DIMENSIONS}
        verification.period = content["period"]
    elif record.status == 429:
        content = response.json
        verification.limits = {content["dimension"]: content["limit"]}
        verification.used = {content["dimension"]: content["used"]}
    return verification
