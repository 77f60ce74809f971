"""One pass over every route and command, so that each statement is run at least once."""

import base64
import json
import os
import subprocess
import threading
import time
from datetime import timedelta

from bench.processes import BenchError, Processes, run
from bench.servers import Keymeter

from .client import Client
from .dataset import LargeSet


class Pass:
    """`number` tells one pass from another: each leaves things behind."""

    def __init__(self, server: Keymeter, keys: LargeSet, processes: Processes, number: int) -> None:
        self.server, self.keys, self.processes, self.number = server, keys, processes, number
        folder = server.cluster.folder
        self.private = folder / "reporter.pem"
        if not self.private.exists():
            run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self.private)], seconds=30)
        public = run(["openssl", "ec", "-in", str(self.private), "-pubout"], seconds=30)
        armour = "".join(line for line in public.splitlines() if not line.startswith("-----"))
        # A new pepper has the server move each key that is used.
        former = server.environment["KEYMETER_PEPPERS"]
        server.environment |= {
            "KEYMETER_GITHUB_SECRET_SCANNING_KEYS": f"bench:{armour}", "KEYMETER_AUTH_FAILURES_PER_MINUTE": "0",
            "KEYMETER_PEPPERS": f"pass{number}:{base64.b64encode(os.urandom(32)).decode()},{former}",
        }

    def run(self) -> None:
        self.server.start(self.processes, f"pass{self.number}")
        client = Client(self.server.url)
        # Keys that no other pass has used. An organisation's first one is its root key.
        organisation = 1 + 10 * self.number
        first = self.keys.plan.large + (organisation - 1) * 100
        self.root = self.keys.key(first)
        self.provider = f"bench-{organisation}"
        self.children = [self.keys.key(first + n * self.keys.stride) for n in range(1, 9)]
        self.large = self.keys.key(0)
        self._metering(client)
        self._verifications()
        self._scrubs(client)
        self._scrubbe(client)
        self._reading(client)
        self._leaks(client)
        # The sweeper looks each second; what was reserved for a second is over by now.
        time.sleep(2.5)
        self._commands()
        self.processes.stop(self.server.process)

    def _metering(self, client: Client) -> None:
        key, name = self.children[0], {"Idempotency-Key": f"reserve-{self.number}"}
        held = client.json("POST", "/api/v1/usage/reserve", key, {"requests": 1, "tokens": 10}, headers=name)
        client.ask("POST", "/api/v1/usage/reserve", key, {"requests": 1, "tokens": 10}, headers=name)
        client.ask("POST", "/api/v1/usage/settle", key,
                   {"reservation_id": held["reservation_id"], "requests": 1, "tokens": 7})
        for action in ("release", "charge"):
            client.ask("POST", "/api/v1/usage/reserve", key, {"tokens": 5, "hold_secs": 1, "on_expiry": action})
        for event in (None, f"event-{self.number}", f"event-{self.number}"):
            client.ask("POST", "/api/v1/usage/record", key, {"tokens": 3, **({"event_id": event} if event else {})})
        client.ask("GET", "/api/v1/usage", key)
        client.ask("GET", "/api/v1/verify?requests=1", key)
        client.ask("GET", "/api/v1/verify", key, provider=self.provider)

    def _verifications(self) -> None:
        """Many at once, so that they are judged in batches; with keys that have no counter yet among them."""
        client = Client(self.server.url)
        fresh = [client.json("POST", "/api/v1/apikey/createapikey", self.root, {
            "name": f"Fresh {n}", "environment": "PRODUCTION", "scopes": ["incidents:read"], "usageLimit": 100,
        })["data"]["key"] for n in range(8)]
        start = threading.Barrier(16)
        failures: list[Exception] = []

        def ask(number: int) -> None:
            try:
                own = Client(self.server.url)
                start.wait(10)
                for turn in range(6):
                    key = (fresh + self.children)[(number + turn) % 16]
                    own.ask("GET", "/api/v1/verify", key, status=(200, 429))
            except Exception as error:  # Told by whoever started this thread.
                failures.append(error)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def _scrubs(self, client: Client) -> None:
        path = "/api/v1/api-key"
        made = client.json("POST", path, self.root, {"friendly_name": "Made", "usage_limit": 5}, provider=self.provider,
                           headers={"Idempotency-Key": f"create-{self.number}"})
        client.ask("GET", path, self.root, provider=self.provider)
        client.ask("GET", f"{path}?list_all=true", self.large, provider="bench-0")
        client.ask("PUT", path, self.root, {"id": made["id"], "usage_limit": 4}, provider=self.provider)
        client.ask("DELETE", f"{path}?id={made['id']}", self.root, provider=self.provider)

    def _scrubbe(self, client: Client) -> None:
        path = "/api/v1/apikey"
        made = client.json("POST", f"{path}/createapikey", self.root, {
            "name": "Rotated", "environment": "PRODUCTION", "scopes": ["incidents:read"]})["data"]
        for body in ({"overlapSecs": 60}, None):
            client.ask("POST", f"{path}/{made['id']}/rotate", self.root, body)
        client.ask("POST", f"{path}/{made['id']}/revoke", self.root)
        client.ask("DELETE", f"{path}/{made['id']}", self.root)
        # Each rotates itself; the former value of the large organisation's has done so in the pass before.
        for key, provider in ((self.root, self.provider), (self.large, "bench-0")):
            own = client.json("GET", "/api/v1/api-key", key, provider=provider)["id"]
            client.ask("POST", f"{path}/{own}/rotate", key, {"overlapSecs": 3600}, status=(200, 409))
        for key in (self.root, self.large):
            page = client.json("GET", f"{path}/apikeys?limit=200", key)
            if cursor := page["pagination"]["nextCursor"]:
                client.ask("GET", f"{path}/apikeys?limit=200&status=ACTIVE&cursor={cursor}", key)
        # A second root key is ended by the first.
        other = json.loads(self.server.command(
            "key", "create-root", "--provider-id", self.provider, "--name", "Second", "--json"))
        identifier = next(value for value in other.values() if isinstance(value, str) and value.startswith("key_"))
        client.ask("POST", f"{path}/{identifier}/revoke", self.root)

    def _reading(self, client: Client) -> None:
        month = self.keys.months[-2]
        days = {"start_date": f"{month}", "end_date": f"{self.keys.months[-1] - timedelta(days=1)}"}
        one = client.json("GET", "/api/v1/apikey/apikeys?limit=2", self.large)["data"][1]["id"]
        # Small organisations first: what a connection has learnt from them must not be held against the large one.
        for key, extra in [(self.root, {})] * 8 + [(self.large, {}), (self.large, {"api_key_id": one})]:
            client.ask("POST", "/api/v1/usage-analytics", key, days | extra)
        client.ask("GET", f"/api/v1/usage?id={one}", self.large)
        page = client.json("GET", "/api/v1/audit?limit=200", self.large)
        client.ask("GET", f"/api/v1/audit?limit=200&cursor={page['pagination']['next_cursor']}", self.large)
        client.ask("GET", f"/api/v1/audit?action=key.updated&target={one}", self.large)
        client.ask("GET", "/health/ready", self.root)

    def _leaks(self, client: Client) -> None:
        found = client.json("POST", "/api/v1/apikey/createapikey", self.root, {
            "name": "Found", "environment": "PRODUCTION", "scopes": ["incidents:read"]})["data"]
        client.ask("POST", f"/api/v1/apikey/{found['id']}/rotate", self.root)
        self._report(client, [found["key"], self.children[1]])

    def _report(self, client: Client, tokens: list[str]) -> None:
        body = json.dumps([{"token": token, "type": "keymeter_api_key", "url": "", "source": "content"}
                           for token in tokens]).encode()
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self.private)], input=body,
                                stdout=subprocess.PIPE, check=True).stdout
        client.ask("POST", "/api/v1/leaks/github", "", body, headers={
            "Github-Public-Key-Identifier": "bench",
            "Github-Public-Key-Signature": base64.b64encode(signed).decode()})

    def _commands(self) -> None:
        provider, command = f"made-{self.number}", self.server.command
        command("org", "create", "--provider-id", provider, "--name", "Made")
        command("org", "rename", "--provider-id", provider, "--name", "Renamed")
        command("org", "list", seconds=120)
        command("org", "show", "--provider-id", provider)
        command("key", "list", "--provider-id", self.provider)
        command("audit", "--org", self.provider)
        command("org", "delete", "--provider-id", provider, "--yes")
        command("pepper", "status", seconds=600)
        command("migrate", "--status")
        try:
            command("doctor")
        except BenchError:
            pass  # It judges this machine too, and that is not what is asked here.
