"""Runs programs and prints progress."""

import os
import subprocess
import sys

from servers.failure import Failure
from servers.nodes import ROOT

COMPOSE = ROOT / ".build-tools/bin/docker-compose"


def say(text: str) -> None:
    print(f"compose: {text}", file=sys.stderr, flush=True)


def run(*words, check=True, quiet=True, environment=None, timeout=600, stdin=None) -> str:
    """Runs a program to its end and returns its output. Unless `quiet`, it prints to standard error instead."""
    done = subprocess.run(
        [str(word) for word in words], cwd=ROOT, env={**os.environ, **(environment or {})},
        stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE if quiet else sys.stderr,
        stderr=subprocess.PIPE if quiet else None, text=True, timeout=timeout)
    if check and done.returncode != 0:
        output = "\n" + "\n".join(((done.stdout or "") + (done.stderr or "")).splitlines()[-40:]) if quiet else ""
        raise Failure(f"{' '.join(str(word) for word in words[:6])} … exited with {done.returncode}{output}")
    return done.stdout or ""
