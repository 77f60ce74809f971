"""Running programs, and saying what goes on."""

import os
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
COMPOSE = PROJECT / ".build-tools/bin/docker-compose"


class TestFailure(Exception):
    """A promise that was not kept, in words."""


def say(text: str) -> None:
    print(f"compose: {text}", file=sys.stderr, flush=True)


def run(*words, check=True, quiet=True, environment=None, timeout=600, stdin=None) -> str:
    """Runs a program to its end and answers its standard output; with `quiet` off it prints as it goes."""
    done = subprocess.run(
        [str(word) for word in words], cwd=PROJECT, env={**os.environ, **(environment or {})},
        stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE if quiet else sys.stderr,
        stderr=subprocess.PIPE if quiet else None, text=True, timeout=timeout)
    if check and done.returncode != 0:
        told = "\n" + "\n".join(((done.stdout or "") + (done.stderr or "")).splitlines()[-40:]) if quiet else ""
        raise TestFailure(f"{' '.join(str(word) for word in words[:6])} … ended with {done.returncode}{told}")
    return done.stdout or ""


def eventually(what: str, seconds: float, ask):
    """Asks until the answer is true, and answers it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise TestFailure(f"waited {seconds:g} s in vain for {what}")
