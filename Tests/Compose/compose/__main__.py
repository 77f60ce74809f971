"""One run: start an engine, build the images, start the services, check them, and remove everything."""

import os
import signal
import sys

from servers.failure import Failure
from servers.termination import handle_termination_signals, ignore_termination_signals

from . import base_images, checks
from .api import API
from .commands import say
from .engine import Engine
from .stack import Stack


def test(engine: Engine, stack: Stack) -> None:
    if os.environ.get("COMPOSE_BUILD") != "0":
        if engine.is_private:
            base_images.build(engine)
        say("building the image")
        stack.build()
    say("starting the services")
    stack.up()
    checks.start_order(stack)
    checks.confinement(stack)
    checks.login(stack)
    api = API(stack.port)
    say("calling the API")
    root, key = checks.smoke(stack, api)
    say("restarting PostgreSQL under load")
    checks.database_restart(stack, api, key)
    say("recreating all services")
    checks.recreate(stack, api, root)
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
    except Failure as failure:
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
            say("removing everything")
            stack.down()
        engine.stop()


sys.exit(main())
