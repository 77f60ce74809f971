"""What is wrong, in words."""


class Failure(Exception):
    """Why a run can't go on, or what it found wrong."""


def law(holds: bool, otherwise: str) -> None:
    """Raises Failure, in the words of `otherwise`, unless it holds."""
    if not holds:
        raise Failure(otherwise)
