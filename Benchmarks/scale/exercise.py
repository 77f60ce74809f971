"""Calls every endpoint and command, so that each SQL statement runs at least once."""

import base64
import json
import os
import subprocess
import threading
import time
from datetime import timedelta

from bench.keymeter import Keymeter
from servers.failure import Failure
from servers.processes import Processes, run

from .client import Client
from .dataset import LargeSet


class Exercise:
    """One pass over the API. Passes with different numbers use different keys and names, because each leaves data behind."""

    def __init__(self, server: Keymeter, keys: LargeSet, processes: Processes, number: int) -> None:
        self.server, self.keys, self.processes, self.number = server, keys, processes, number
        folder = server.cluster.folder
        self.private_key = folder / "reporter.pem"
        if not self.private_key.exists():
            run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self.private_key)],
                seconds=30)
        pem = run(["openssl", "ec", "-in", str(self.private_key), "-pubout"], seconds=30)
        public_key = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
        # With a new pepper, the server rehashes each key that is used.
        former = server.environment["KEYMETER_PEPPERS"]
        server.environment |= {
            "KEYMETER_GITHUB_SECRET_SCANNING_KEYS": f"bench:{public_key}", "KEYMETER_AUTH_FAILURES_PER_MINUTE": "0",
            "KEYMETER_PEPPERS": f"pass{number}:{base64.b64encode(os.urandom(32)).decode()},{former}",
        }

    def run(self) -> None:
        self.server.start(self.processes, f"pass{self.number}")
        client = Client(self.server.url)
        # Keys that no other pass uses. An organisation's first key is its root key.
        organisation = 1 + 10 * self.number
        first = self.keys.profile.large + (organisation - 1) * 100
        self.root = self.keys.key(first)
        self.provider = f"bench-{organisation}"
        self.children = [self.keys.key(first + n * self.keys.stride) for n in range(1, 9)]
        self.large = self.keys.key(0)
        self._usage(client)
        self._concurrent_verifications()
        self._scrubs(client)
        self._scrubbe(client)
        self._queries(client)
        self._leak_report(client)
        # The job that expires reservations runs every second. Those held for one second have expired by now.
        time.sleep(2.5)
        self._commands()
        self.processes.stop(self.server.process)

    def _usage(self, client: Client) -> None:
        key, name = self.children[0], {"Idempotency-Key": f"reserve-{self.number}"}
        held = client.json("POST", "/api/v1/usage/reserve", key, {"requests": 1, "tokens": 10}, headers=name)
        client.request("POST", "/api/v1/usage/reserve", key, {"requests": 1, "tokens": 10}, headers=name)
        client.request("POST", "/api/v1/usage/settle", key,
                       {"reservation_id": held["reservation_id"], "requests": 1, "tokens": 7})
        for action in ("release", "charge"):
            client.request("POST", "/api/v1/usage/reserve", key, {"tokens": 5, "hold_secs": 1, "on_expiry": action})
        for event in (None, f"event-{self.number}", f"event-{self.number}"):
            client.request("POST", "/api/v1/usage/record", key, {"tokens": 3, **({"event_id": event} if event else {})})
        client.request("GET", "/api/v1/usage", key)
        client.request("GET", "/api/v1/verify?requests=1", key)
        client.request("GET", "/api/v1/verify", key, provider=self.provider)

    def _concurrent_verifications(self) -> None:
        """Concurrent requests, so that batches form. Half of the keys have no counter yet."""
        client = Client(self.server.url)
        fresh = [client.json("POST", "/api/v1/apikey/createapikey", self.root, {
            "name": f"Fresh {n}", "environment": "PRODUCTION", "scopes": ["incidents:read"], "usageLimit": 100,
        })["data"]["key"] for n in range(8)]
        start = threading.Barrier(16)
        errors: list[Exception] = []

        def send(number: int) -> None:
            try:
                own = Client(self.server.url)
                start.wait(10)
                for turn in range(6):
                    key = (fresh + self.children)[(number + turn) % 16]
                    own.request("GET", "/api/v1/verify", key, status=(200, 429))
            except Exception as error:  # Raised again in the main thread.
                errors.append(error)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _scrubs(self, client: Client) -> None:
        path = "/api/v1/api-key"
        created = client.json("POST", path, self.root, {"friendly_name": "Made", "usage_limit": 5}, provider=self.provider,
                              headers={"Idempotency-Key": f"create-{self.number}"})
        client.request("GET", path, self.root, provider=self.provider)
        client.request("GET", f"{path}?list_all=true", self.large, provider="bench-0")
        client.request("PUT", path, self.root, {"id": created["id"], "usage_limit": 4}, provider=self.provider)
        client.request("DELETE", f"{path}?id={created['id']}", self.root, provider=self.provider)

    def _scrubbe(self, client: Client) -> None:
        path = "/api/v1/apikey"
        created = client.json("POST", f"{path}/createapikey", self.root, {
            "name": "Rotated", "environment": "PRODUCTION", "scopes": ["incidents:read"]})["data"]
        for body in ({"overlapSecs": 60}, None):
            client.request("POST", f"{path}/{created['id']}/rotate", self.root, body)
        client.request("POST", f"{path}/{created['id']}/revoke", self.root)
        client.request("DELETE", f"{path}/{created['id']}", self.root)
        # Each root key rotates itself. In the second pass the large organisation's former secret gets a 409.
        for key, provider in ((self.root, self.provider), (self.large, "bench-0")):
            own = client.json("GET", "/api/v1/api-key", key, provider=provider)["id"]
            client.request("POST", f"{path}/{own}/rotate", key, {"overlapSecs": 3600}, status=(200, 409))
        for key in (self.root, self.large):
            page = client.json("GET", f"{path}/apikeys?limit=200", key)
            if cursor := page["pagination"]["nextCursor"]:
                client.request("GET", f"{path}/apikeys?limit=200&status=ACTIVE&cursor={cursor}", key)
        # The first root key revokes a second one.
        other = json.loads(self.server.command(
            "key", "create-root", "--provider-id", self.provider, "--name", "Second", "--json"))
        identifier = next(value for value in other.values() if isinstance(value, str) and value.startswith("key_"))
        client.request("POST", f"{path}/{identifier}/revoke", self.root)

    def _queries(self, client: Client) -> None:
        month = self.keys.months[-2]
        days = {"start_date": f"{month}", "end_date": f"{self.keys.months[-1] - timedelta(days=1)}"}
        one = client.json("GET", "/api/v1/apikey/apikeys?limit=2", self.large)["data"][1]["id"]
        # Small organisations first, because a plan that a connection cached for them must also suit the large one.
        for key, extra in [(self.root, {})] * 8 + [(self.large, {}), (self.large, {"api_key_id": one})]:
            client.request("POST", "/api/v1/usage-analytics", key, days | extra)
        client.request("GET", f"/api/v1/usage?id={one}", self.large)
        page = client.json("GET", "/api/v1/audit?limit=200", self.large)
        client.request("GET", f"/api/v1/audit?limit=200&cursor={page['pagination']['next_cursor']}", self.large)
        client.request("GET", f"/api/v1/audit?action=key.updated&target={one}", self.large)
        client.request("GET", "/health/ready", self.root)

    def _leak_report(self, client: Client) -> None:
        created = client.json("POST", "/api/v1/apikey/createapikey", self.root, {
            "name": "Found", "environment": "PRODUCTION", "scopes": ["incidents:read"]})["data"]
        client.request("POST", f"/api/v1/apikey/{created['id']}/rotate", self.root)
        self._send_leak_report(client, [created["key"], self.children[1]])

    def _send_leak_report(self, client: Client, tokens: list[str]) -> None:
        body = json.dumps([{"token": token, "type": "keymeter_api_key", "url": "", "source": "content"}
                           for token in tokens]).encode()
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self.private_key)], input=body,
                                stdout=subprocess.PIPE, check=True).stdout
        client.request("POST", "/api/v1/leaks/github", "", body, headers={
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
        except Failure:
            pass  # It may report problems of this machine, which do not matter here.
