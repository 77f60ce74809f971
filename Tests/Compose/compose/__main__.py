"""The run: an engine, the images, the services, the checks, and nothing left behind."""

import os
import signal
import sys

from servers.termination import handle_termination_signals, ignore_termination_signals

from . import bases, checks
from .api import API
from .commands import TestFailure, say
from .engine import Engine
from .stack import Stack


def test(engine: Engine, stack: Stack) -> None:
    if os.environ.get("COMPOSE_BUILD") != "0":
        if engine.is_own:
            bases.make(engine)
        say("building the image")
        stack.build()
    say("starting the services")
    stack.up()
    checks.order(stack)
    checks.confinement(stack)
    checks.login(stack)
    api = API(stack.port)
    say("using the API")
    root, key = checks.smoke(stack, api)
    say("restarting PostgreSQL under it")
    checks.restart(stack, api, key)
    say("starting it all a second time")
    checks.second_start(stack, api, root)
    checks.stop(stack)


def main() -> int:
    handle_termination_signals()
    engine, stack = Engine(), None
    try:
        engine.start()
        stack = Stack(engine)
        test(engine, stack)
        say("passed")
        return 0
    except TestFailure as failure:
        say(f"FAILED: {failure}")
        if stack is not None:
            print(stack.logs(), file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        say("interrupted")
        return 128 + (interruption.args[0] if interruption.args else signal.SIGINT)
    finally:
        ignore_termination_signals()
        if stack is not None:
            say("taking everything down")
            stack.down()
        engine.stop()


sys.exit(main())
