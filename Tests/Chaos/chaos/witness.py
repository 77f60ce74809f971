"""A client that ends keys while a node is frozen, and then uses them there: when that node goes on, it must know."""

from .keys import Key
from .manager import Manager
from .verifier import verify


class Witness(Manager):
    def __init__(self, *client, **manager) -> None:
        super().__init__(*client, **manager)
        self._key: Key | None = None

    def act(self) -> None:
        frozen = self.history.freezes.now()
        if self._key is None:
            self._key = self.create()
            if self._key is not None and frozen is None:
                # From now on every node has seen it, and has a connection that is open.
                self._look(self._key)
        elif frozen is not None:
            key, self._key = self._key, None
            node = next(node for node in self.nodes if node.name == frozen)
            # By another one.
            self._node = (self.nodes.index(node) + self.drawn.randint(1, len(self.nodes) - 1)) % len(self.nodes)
            self._end(key, self.drawn.choice(("revoke", "delete")))
            verify(self, key, 1, 0, node)
