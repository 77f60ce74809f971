"""Checks what the documentation promises about the containers and the service in them."""

import json
import re
import subprocess
import threading
import time
from collections import Counter

from servers.failure import require

from .api import API
from .commands import say
from .stack import IMAGE, Stack


def start_order(stack: Stack) -> None:
    """Each service starts only when its dependencies are ready."""
    found = {name: stack.container(name)["State"] for name in ("postgres", "logins", "migrate", "keymeter")}
    for job in ("logins", "migrate"):
        require(found[job]["ExitCode"] == 0, f"{job} exited with {found[job]['ExitCode']}")
    for service in ("postgres", "keymeter"):
        require(found[service]["Health"]["Status"] == "healthy", f"{service} is not healthy")
    healthy = min(probe["End"] for probe in found["postgres"]["Health"]["Log"] if probe["ExitCode"] == 0)
    moments = [
        ("PostgreSQL's health check", healthy), ("the start of logins", found["logins"]["StartedAt"]),
        ("the end of logins", found["logins"]["FinishedAt"]), ("the start of migrate", found["migrate"]["StartedAt"]),
        ("the end of migrate", found["migrate"]["FinishedAt"]),
        ("the start of keymeter", found["keymeter"]["StartedAt"]),
    ]
    times = [(name, _seconds(moment)) for name, moment in moments]
    for (before, first), (after, second) in zip(times, times[1:]):
        require(first <= second, f"{after} came before {before}")


def confinement(stack: Stack) -> None:
    """The server runs as an unprivileged user, with no capabilities and a read-only root file system."""
    size = int(stack.engine.docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
    say(f"the image has {size / 1e6:.0f} MB")
    container = stack.container("keymeter")
    host = container["HostConfig"]
    require(container["Config"]["User"] == "10001:10001", "the image's user is not 10001:10001")
    require(host["ReadonlyRootfs"], "the root file system is writable")
    require(host["CapDrop"] == ["ALL"] and not host["CapAdd"], "the container has capabilities")
    require(stack.inside("id", "-u").strip() == "10001", "commands in the container run as another user")
    status = stack.inside("cat", "/proc/1/status")
    require(matches(r"^Uid:\s+10001\s+10001\s+10001\s+10001$", status), "the server runs as another user")
    for name in ("CapPrm", "CapEff", "CapBnd"):
        require(matches(rf"^{name}:\s+0+$", status), f"the server has capabilities: {name}")
    require(matches(r"^NoNewPrivs:\s+1$", status), "the server could gain privileges")
    limits = stack.inside("cat", "/proc/1/limits")
    require(matches(r"^Max core file size +0 +0 ", limits), "the server could dump core")
    written = stack.inside("bash", "-c", "echo x >/etc/x || echo rejected", check=False)
    require(written.strip() == "rejected", "/etc is writable")


def login(stack: Stack) -> None:
    """The server's login is unprivileged, and the server does not warn about it."""
    log = stack.logs("keymeter")
    require("row-level security" not in log, "the server warns about its login")
    require('"level":"warning"' not in log, f"the server logs a warning at startup:\n{log}")
    require('"level":"error"' not in log, "the server logs an error at startup")
    found = json.loads(stack.inside("keymeter", "doctor", "--json", "--strict"))
    require(found["status"] == "ok", f"keymeter doctor reports problems: {found}")
    listed = stack.inside("keymeter", "org", "list", check=False)
    require(listed.strip() == "", "the server's login can list all organisations")


def smoke(stack: Stack, api: API) -> tuple[str, str]:
    """Calls the main endpoints once. Returns a root key, and a child key without a limit."""
    created = json.loads(stack.admin("org", "create", "--provider-id", "demo", "--name", "Demo", "--json"))
    root = created["root_key"]
    require(api.call("GET", "/health/live").status == 200, "the server is not live")
    require(api.call("GET", "/health/ready").status == 200, "the server is not ready")
    require(api.call("GET", "/openapi.json").json["openapi"].startswith("3."), "there is no OpenAPI document")
    require(b"keymeter" in api.call("GET", "/metrics").body, "there are no metrics")
    require(api.call("GET", "/api/v1/verify").status == 401, "a request without a key is not rejected")
    own = api.call("GET", "/api/v1/api-key", X_Scrubs_Clinic_Provider="demo", X_Scrubs_Clinic_Api_Key=root)
    require(own.status == 200 and own.json["root"] is True, "the root key cannot read itself")

    def create(**members):
        response = api.call("POST", "/api/v1/apikey/createapikey", root, {
            "name": "Child", "environment": "PRODUCTION", "scopes": ["*"], **members})
        require(response.status == 201, f"no key was created: {response.body!r}")
        return response.json["data"]

    limited = create(usageLimit=2)
    statuses = [api.call("GET", "/api/v1/verify", limited["key"]).status for _ in range(3)]
    require(statuses == [200, 200, 429], f"three requests under a limit of two got {statuses}")
    revoked = api.call("POST", f"/api/v1/apikey/{limited['id']}/revoke", root)
    require(revoked.status == 200, "the key cannot be revoked")
    require(api.call("GET", "/api/v1/verify", limited["key"]).status == 401, "a revoked key is accepted")
    return root, create()["key"]


def database_restart(stack: Stack, api: API, key: str) -> None:
    """PostgreSQL restarts under load. Verifications get 503 until it is back, and every charge counts exactly."""
    stopping = threading.Event()
    statuses: Counter[int] = Counter()

    def verify() -> None:
        while not stopping.is_set():
            statuses[api.call("GET", "/api/v1/verify", key).status] += 1
            time.sleep(0.005)

    recorded: list[int] = []

    def record() -> None:
        # Each record is retried until it is answered. A retry of a commit that was not acknowledged must not count twice.
        while not stopping.is_set():
            number = len(recorded)
            response = api.retry_until_answered(
                90, "POST", "/api/v1/usage/record", key=key, body={"requests": 0, "tokens": 1},
                Idempotency_Key=f"compose-{number}")
            recorded.append(response.status)

    threads = [threading.Thread(target=verify), threading.Thread(target=record)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(1)
        stack.compose("restart", "--timeout", "30", "postgres", timeout=120)
        restarted = time.monotonic()
        while api.call("GET", "/health/ready").status != 200:
            require(time.monotonic() < restarted + 60, "the server is not ready a minute after PostgreSQL's restart")
            time.sleep(0.1)
        say(f"ready {time.monotonic() - restarted:.1f} s after PostgreSQL's restart")
        time.sleep(1)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    say(f"verifications by status during the restart: {dict(statuses)}; {len(recorded)} records")
    require(set(statuses) == {200, 503}, f"verify must answer 200 and 503, and nothing else: {dict(statuses)}")
    require(api.call("GET", "/api/v1/verify", key).status == 200, "verify does not answer 200 after the restart")
    require(set(recorded) <= {200, 201}, f"a record was rejected: {set(recorded)}")
    used = api.call("GET", "/api/v1/usage", key).json["limits"]
    requests, tokens = used["requests"]["used"], used["tokens"]["used"]
    admitted = statuses[200] + 1
    # A request that got 503 may have been charged, if its commit was not acknowledged.
    require(admitted <= requests <= admitted + statuses[503], f"{requests} requests charged, {admitted} admitted")
    require(tokens == len(recorded), f"{tokens} tokens charged by {len(recorded)} records of one each")


def recreate(stack: Stack, api: API, root: str) -> None:
    """The data survives when the containers are removed and created again."""
    stack.compose("down", "--timeout", "30", timeout=120)
    stack.up()
    require(api.call("GET", "/api/v1/usage", root).status == 200, "the root key is gone with the containers")


def stop(stack: Stack) -> None:
    """SIGTERM shuts the server down gracefully, well within the grace period."""
    started = time.monotonic()
    container = stack.container("keymeter")["Id"]
    # After 30 s the engine would kill the server, which would then exit with 137.
    stack.engine.docker("stop", "--time", "30", container)
    seconds = time.monotonic() - started
    state = stack.container("keymeter")["State"]
    require(state["ExitCode"] == 0, f"the server exited with {state['ExitCode']} on SIGTERM")
    require(seconds < 25, f"the server took {seconds:.0f} s to stop")
    say(f"stopped in {seconds:.1f} s")


def matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.MULTILINE) is not None


def _seconds(moment: str) -> float:
    # date(1) reads nanoseconds and any offset, which Python's standard library does not.
    date = subprocess.run(["date", "--date", moment, "+%s.%N"], capture_output=True, text=True, check=True)
    return float(date.stdout)
