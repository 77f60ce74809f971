"""A client that ends a key while a node is frozen, then checks that the node rejects the key when it resumes."""

from .keys import Key
from .manager import Manager
from .verifier import verify


class Witness(Manager):
    def __init__(self, *client, **manager) -> None:
        super().__init__(*client, **manager)
        self._key: Key | None = None

    def act(self) -> None:
        frozen = self.journal.freezes.frozen_node()
        if self._key is None:
            self._key = self.create()
            if self._key is not None and frozen is None:
                # Each node has now seen the key, and has an open connection to this client.
                self._verify_on_all_nodes(self._key)
        elif frozen is not None:
            key, self._key = self._key, None
            node = next(node for node in self.nodes if node.name == frozen)
            # End the key through another node.
            self._node = (self.nodes.index(node) + self.rng.randint(1, len(self.nodes) - 1)) % len(self.nodes)
            self._end(key, self.rng.choice(("revoke", "delete")))
            verify(self, key, 1, 0, node)
