"""The keys that managers create and verifiers use."""

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Key:
    id: str
    # Never printed.
    secret: str = field(repr=False)


class KeyPool:
    """Keys that are changed while they are in use. Thread-safe."""

    # How many of the latest retired secrets are still tried now and then.
    retired_count = 40

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: dict[str, Key] = {}
        self._retired: list[Key] = []

    def add(self, key: Key) -> None:
        """Adds a key, or replaces its secret and retires the former one."""
        with self._lock:
            if former := self._active.get(key.id):
                self._retire(former)
            self._active[key.id] = key

    def retire(self, id: str) -> None:
        with self._lock:
            if former := self._active.pop(id, None):
                self._retire(former)

    def pick_active(self, fraction: float) -> Key | None:
        with self._lock:
            return _pick(list(self._active.values()), fraction)

    def pick_retired(self, fraction: float) -> Key | None:
        with self._lock:
            return _pick(self._retired, fraction)

    def _retire(self, key: Key) -> None:
        self._retired = [*self._retired, key][-self.retired_count:]


def _pick(keys: list[Key], fraction: float) -> Key | None:
    """The key at this fraction, from 0 to 1, of the list."""
    return keys[int(fraction * len(keys))] if keys else None
