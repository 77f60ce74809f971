"""Clients that verify: charge keys with and without limits, keys that are being changed, and now and then dead ones."""

from servers.connection import Answer
from servers.nodes import Node

from .client import Client, bearing
from .history import DIMENSIONS, Noted, Verification
from .keys import Key, Keyring


class Verifier(Client):
    pause = 0.005

    def __init__(self, *client, fixed: list[Key], keyring: Keyring) -> None:
        super().__init__(*client)
        self.fixed, self.keyring = fixed, keyring

    def act(self) -> None:
        which, place = self.drawn.random(), self.drawn.random()
        requests, tokens = self.drawn.randint(1, 3), self.drawn.choice((0, 0, 1, 5))
        key = self.fixed[int(place * len(self.fixed))]
        if which > 0.6:
            key = self.keyring.living(place) or key
        elif which > 0.5:
            key = self.keyring.ended(place) or key
        verify(self, key, requests, tokens)


def verify(client: Client, key: Key, requests: int, tokens: int, node: Node | None = None) -> int:
    """One verification, by one node where one is named; gives the answer's status, and notes the rest."""
    noted, answer = client.ask(
        "GET", f"/api/v1/verify?requests={requests}&tokens={tokens}", bearing(key.value), node=node,
        patient=node is not None)
    client.history.verifications.append(read(noted, answer, key, {"requests": requests, "tokens": tokens}))
    return noted.status


def read(noted: Noted, answer: Answer, key: Key, asked: dict[str, int]) -> Verification:
    verification = Verification(noted, key.id, key.value, asked)
    if noted.status == 200:
        told = answer.json
        verification.limits = {dimension: told["limits"][dimension]["limit"] for dimension in DIMENSIONS}
        verification.used = {dimension: told["limits"][dimension]["used"] for dimension in DIMENSIONS}
        verification.period = told["period"]
    elif noted.status == 429:
        told = answer.json
        verification.limits = {told["dimension"]: told["limit"]}
        verification.used = {told["dimension"]: told["used"]}
    return verification
