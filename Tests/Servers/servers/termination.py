"""Ends a run cleanly on success, on failure and on Ctrl-C."""

import signal
import sys

from .failure import Failure

TERMINATION_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handle_termination_signals() -> None:
    """Turns the next termination signal into a KeyboardInterrupt whose argument is the signal's number."""
    for number in TERMINATION_SIGNALS:
        signal.signal(number, _interrupt)


def ignore_termination_signals() -> None:
    """Protects the cleanup from a second signal."""
    for number in TERMINATION_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def run_main(name: str, body) -> int:
    """Runs `body`, which must clean up after itself. Prints a failure to standard error and returns the exit status."""
    handle_termination_signals()
    try:
        body()
        return 0
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130


def _interrupt(number, _frame) -> None:
    ignore_termination_signals()
    raise KeyboardInterrupt(number)
