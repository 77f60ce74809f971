"""A run's end: by itself, by what it found, or by Ctrl-C, and nothing left behind in any case."""

import signal
import sys

from .failure import Failure

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_endings() -> None:
    """From now on, being told to end raises KeyboardInterrupt, whose argument is the signal's number."""
    for number in ENDINGS:
        signal.signal(number, _interrupted)


def ignore_endings() -> None:
    """Whatever ends the servers is not to be cut short."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def carry_out(name: str, body) -> int:
    """Runs `body`, which cleans up after itself; gives the exit status, and says on standard error what went wrong."""
    heed_endings()
    try:
        body()
        return 0
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130


def _interrupted(number, _frame) -> None:
    # Once: a second one must not cut short what ends the servers.
    ignore_endings()
    raise KeyboardInterrupt(number)
