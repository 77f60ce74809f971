"""What is promised of the containers and of the service in them."""

import json
import re
import subprocess
import threading
import time

from .api import API
from .commands import TestFailure, say
from .stack import IMAGE, Stack


def expect(truth, what: str) -> None:
    if not truth:
        raise TestFailure(what)


def order(stack: Stack) -> None:
    """Each service began when what it depends on was ready, and not before."""
    found = {name: stack.container(name)["State"] for name in ("postgres", "logins", "migrate", "keymeter")}
    for job in ("logins", "migrate"):
        expect(found[job]["ExitCode"] == 0, f"{job} ended with {found[job]['ExitCode']}")
    for service in ("postgres", "keymeter"):
        expect(found[service]["Health"]["Status"] == "healthy", f"{service} is not healthy")
    healthy = min(probe["End"] for probe in found["postgres"]["Health"]["Log"] if probe["ExitCode"] == 0)
    moments = [
        ("PostgreSQL's health", healthy), ("logins", found["logins"]["StartedAt"]),
        ("the end of logins", found["logins"]["FinishedAt"]), ("migrate", found["migrate"]["StartedAt"]),
        ("the end of migrate", found["migrate"]["FinishedAt"]), ("keymeter", found["keymeter"]["StartedAt"]),
    ]
    moments = [(name, _seconds(moment)) for name, moment in moments]
    for (before, first), (after, second) in zip(moments, moments[1:]):
        expect(first <= second, f"{after} came before {before}")


def confinement(stack: Stack) -> None:
    """The server is nobody of note, writes nowhere, and may nothing."""
    size = int(stack.engine.docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
    say(f"the image has {size / 1e6:.0f} MB")
    container = stack.container("keymeter")
    host = container["HostConfig"]
    expect(container["Config"]["User"] == "10001:10001", "the image's user is not 10001:10001")
    expect(host["ReadonlyRootfs"], "the root file system can be written to")
    expect(host["CapDrop"] == ["ALL"] and not host["CapAdd"], "capabilities are left")
    expect(stack.inside("id", "-u").strip() == "10001", "the server's commands run as another user")
    status = stack.inside("cat", "/proc/1/status")
    expect(re.search(r"^Uid:\s+10001\s+10001\s+10001\s+10001$", status, re.MULTILINE), "the server runs as another user")
    for name in ("CapPrm", "CapEff", "CapBnd"):
        expect(re.search(rf"^{name}:\s+0+$", status, re.MULTILINE), f"the server has capabilities: {name}")
    expect(re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE), "the server could gain privileges")
    expect(re.search(r"^Max core file size +0 +0 ", stack.inside("cat", "/proc/1/limits"), re.MULTILINE), "a core dump is possible")
    expect(stack.inside("bash", "-c", "echo x >/etc/x || echo refused", check=False).strip() == "refused", "/etc can be written to")


def login(stack: Stack) -> None:
    """The server's login is no superuser, and nothing warns of it."""
    log = stack.logs("keymeter")
    expect("row-level security" not in log, "the server warns of its login")
    expect('"level":"warning"' not in log, f"the server warns at its start:\n{log}")
    expect('"level":"error"' not in log, "the server complains at its start")
    found = json.loads(stack.inside("keymeter", "doctor", "--json", "--strict"))
    expect(found["status"] == "ok", f"keymeter doctor is not content: {found}")
    refused = stack.inside("keymeter", "org", "list", check=False)
    expect(refused.strip() == "", "the server's login may list all organisations")


def smoke(stack: Stack, api: API) -> tuple[str, str]:
    """The API's calls, once through; answers a root key and a child's without a limit."""
    made = json.loads(stack.admin("org", "create", "--provider-id", "demo", "--name", "Demo", "--json"))
    root = made["root_key"]
    expect(api.call("GET", "/health/live").status == 200, "it doesn't live")
    expect(api.call("GET", "/health/ready").status == 200, "it isn't ready")
    expect(api.call("GET", "/openapi.json").json["openapi"].startswith("3."), "there is no OpenAPI document")
    expect(b"keymeter" in api.call("GET", "/metrics").body, "there are no metrics")
    expect(api.call("GET", "/api/v1/verify").status == 401, "a call without a key is not refused")
    own = api.call("GET", "/api/v1/api-key", X_Scrubs_Clinic_Provider="demo", X_Scrubs_Clinic_Api_Key=root)
    expect(own.status == 200 and own.json["root"] is True, "the root key doesn't see itself")

    def create(**members):
        reply = api.call("POST", "/api/v1/apikey/createapikey", root, {
            "name": "Child", "environment": "PRODUCTION", "scopes": ["*"], **members})
        expect(reply.status == 201, f"no key is made: {reply.body!r}")
        return reply.json["data"]

    limited = create(usageLimit=2)
    statuses = [api.call("GET", "/api/v1/verify", limited["key"]).status for _ in range(3)]
    expect(statuses == [200, 200, 429], f"a limit of two gives {statuses}")
    revoked = api.call("POST", f"/api/v1/apikey/{limited['id']}/revoke", root)
    expect(revoked.status == 200, "the key can't be revoked")
    expect(api.call("GET", "/api/v1/verify", limited["key"]).status == 401, "a revoked key is let in")
    return root, create()["key"]


def restart(stack: Stack, api: API, key: str) -> None:
    """PostgreSQL goes away and comes back under load: 503 meanwhile, then 200, and every charge counted as it must be."""
    over = threading.Event()
    tally: dict[int, int] = {}

    def verify() -> None:
        while not over.is_set():
            status = api.call("GET", "/api/v1/verify", key).status
            tally[status] = tally.get(status, 0) + 1
            time.sleep(0.005)

    recorded = []

    def record() -> None:
        # Each until it is answered: the retry of what was committed unheard must not count again.
        while not over.is_set():
            number = len(recorded)
            reply = api.until_answered(
                90, "POST", "/api/v1/usage/record", key=key, body={"requests": 0, "tokens": 1},
                Idempotency_Key=f"compose-{number}")
            recorded.append(reply.status)

    threads = [threading.Thread(target=verify), threading.Thread(target=record)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(1)
        stack.compose("restart", "--timeout", "30", "postgres", timeout=120)
        seen = time.monotonic()
        while api.call("GET", "/health/ready").status != 200:
            expect(time.monotonic() < seen + 60, "the server isn't ready a minute after PostgreSQL came back")
            time.sleep(0.1)
        say(f"ready again {time.monotonic() - seen:.1f} s after PostgreSQL's container")
        time.sleep(1)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    say(f"answers while PostgreSQL restarted: {tally}, and {len(recorded)} records")
    expect(set(tally) <= {200, 503}, f"verify answered something else than 200 and 503: {tally}")
    expect(tally.get(200) and tally.get(503), f"verify was to answer 200 and 503: {tally}")
    expect(api.call("GET", "/api/v1/verify", key).status == 200, "verify doesn't answer 200 again")
    expect(set(recorded) <= {200, 201}, f"a record was refused: {set(recorded)}")
    used = api.call("GET", "/api/v1/usage", key).json["limits"]
    requests, tokens = used["requests"]["used"], used["tokens"]["used"]
    admitted = tally[200] + 1
    # A 503 may hide a charge whose commit was not heard of, and no more than that.
    expect(admitted <= requests <= admitted + tally[503], f"{requests} requests charged, {admitted} admitted")
    expect(tokens == len(recorded), f"{tokens} tokens charged by {len(recorded)} records of one each")


def second_start(stack: Stack, api: API, root: str) -> None:
    """Taken down without its volume and up again, it has all that it had."""
    stack.compose("down", "--timeout", "30", timeout=120)
    stack.up()
    expect(api.call("GET", "/api/v1/usage", root).status == 200, "the root key is gone with the containers")


def stop(stack: Stack) -> None:
    """SIGTERM ends the server in order, well within its grace."""
    began = time.monotonic()
    container = stack.container("keymeter")["Id"]
    # The engine would kill what is still there after 30 s, and then the exit code would be 137.
    stack.engine.docker("stop", "--time", "30", container)
    seconds = time.monotonic() - began
    state = stack.container("keymeter")["State"]
    expect(state["ExitCode"] == 0, f"the server ended with {state['ExitCode']} on SIGTERM")
    expect(seconds < 25, f"the server took {seconds:.0f} s to stop")
    say(f"stopped in {seconds:.1f} s")


def _seconds(moment: str) -> float:
    # Nanoseconds, and an offset or a Z: more than the standard library reads.
    date = subprocess.run(["date", "--date", moment, "+%s.%N"], capture_output=True, text=True, check=True)
    return float(date.stdout)
