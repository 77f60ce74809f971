"""The keys that there are, shared by those that make them and those that use them."""

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Key:
    id: str
    # Never shown.
    value: str = field(repr=False)


class Keyring:
    """Keys whose life goes on while they are used."""

    # How many of the values that have ended last are still tried now and then.
    remembered = 40

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._living: dict[str, Key] = {}
        self._ended: list[Key] = []

    def put(self, key: Key) -> None:
        """The present value of a key; the former one may be tried in vain from now on."""
        with self._lock:
            if former := self._living.get(key.id):
                self._end(former)
            self._living[key.id] = key

    def end(self, id: str) -> None:
        with self._lock:
            if former := self._living.pop(id, None):
                self._end(former)

    def living(self, drawn: float) -> Key | None:
        with self._lock:
            return _pick(list(self._living.values()), drawn)

    def ended(self, drawn: float) -> Key | None:
        with self._lock:
            return _pick(self._ended, drawn)

    def _end(self, key: Key) -> None:
        self._ended = [*self._ended, key][-self.remembered:]


def _pick(keys: list[Key], drawn: float) -> Key | None:
    return keys[int(drawn * len(keys))] if keys else None
