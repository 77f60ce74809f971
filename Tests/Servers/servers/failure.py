"""How a run fails."""


class Failure(Exception):
    """The run found a fault, or cannot continue. The message says why."""


def require(condition: bool, message: str) -> None:
    """Raises Failure unless the condition holds."""
    if not condition:
        raise Failure(message)
