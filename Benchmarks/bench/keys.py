"""Sets of keys: the plaintexts that a client presents, and the rows that the schema holds for them."""

import hmac
import random
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .cluster import Cluster

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Any byte to a character. Some come more often than others, which does not matter to a bench.
_ANY = bytes(ord(ALPHABET[byte % 62]) for byte in range(256))
_TRIPLES = [(a + b + c).encode() for a in ALPHABET for b in ALPHABET for c in ALPHABET]
KEYS_PER_ORGANISATION = 100
# High enough never to be reached: every key is judged by its limits, and no request is refused.
LIMIT = 1_000_000_000_000

PREFIX = b"sk_live_"
WIDTH = len(PREFIX) + 32 + 6
# Keys were made one a second from then on.
FIRST_MADE = datetime(2024, 1, 1, tzinfo=timezone.utc)
# Which columns are loaded, in the order of the rows that are made.
RECORDS = """keymeter.api_keys (organisation_id, key_id, friendly_name, root, environment, scopes, usage_limit,
    monthly_token_limit, linkage_id, key_hint, created_at)"""
SECRETS = """keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id, environment, scopes,
    usage_limit, monthly_token_limit)"""


def checksum(payload: bytes) -> bytes:
    """CRC-32 in six base62 characters."""
    high, low = divmod(zlib.crc32(payload), len(_TRIPLES))
    return _TRIPLES[high] + _TRIPLES[low]


class KeySet:
    """As many keys in a database of their own."""

    def __init__(self, count: int, folder: Path) -> None:
        self.count = count
        self.database = f"keys_{count}"
        self.file = folder / f"{self.database}.txt"

    def load(self, cluster: Cluster, pepper: bytes) -> None:
        """Writes the file of plaintexts, and fills the migrated database with the rows."""
        cluster.sql(self.database, "SELECT keymeter.ensure_usage_partitions(1)")
        self._organisations(cluster)
        self._keys(cluster, pepper)
        # pgbench can't compute an HMAC: it presents second secrets, whose hashes follow from a number.
        cluster.sql(self.database, """
            INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
            SELECT organisation_id, key_id, sha256(int8send(row_number() OVER ())), 'pgbench'
            FROM keymeter.api_keys LIMIT 10000""")
        # The counters exist: the first request of a key in a month, or on a day, is not what is measured.
        cluster.sql(self.database, """
            INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month, day)
            SELECT organisation_id, key_id, date_trunc('month', now() AT TIME ZONE 'UTC')::date,
              (now() AT TIME ZONE 'UTC')::date FROM keymeter.api_keys""")
        cluster.sql(self.database, "VACUUM (ANALYZE)")

    def _organisations(self, cluster: Cluster) -> None:
        cluster.sql(self.database, f"""
            INSERT INTO keymeter.organisations (organisation_id, provider_id, name)
            SELECT 'org_' || lpad(n::text, 24, '0'), 'bench-' || n, 'Bench ' || n
            FROM generate_series(0, {self.organisation(self.count - 1)}) AS n""")

    def organisation(self, number: int) -> int:
        """Whose the key of this number is."""
        return number // KEYS_PER_ORGANISATION

    def is_root(self, _number: int) -> bool:
        return False

    def rows(self, numbers: range, seeded: random.Random, pepper: bytes):
        """For each key its plaintext, and its rows of `RECORDS` and `SECRETS`."""
        for number in numbers:
            characters = seeded.randbytes(56).translate(_ANY)
            payload = PREFIX + characters[:32]
            text = payload + checksum(payload)
            organisation = f"org_{self.organisation(number):024d}"
            key = "key_" + characters[32:].decode()
            digest = hmac.digest(pepper, text, "sha256").hex()
            facts = f"PRODUCTION\t{{incidents:read,incidents:write}}\t{LIMIT}\t{LIMIT}"
            root = "t" if self.is_root(number) else "f"
            yield (text,
                   f"{organisation}\t{key}\tBench {number}\t{root}\t{facts}\tunit-{number}"
                   f"\tsk_live_...{text[-4:].decode()}\t{FIRST_MADE + timedelta(seconds=number)}\n",
                   f"{organisation}\t{key}\t\\\\x{digest}\tbench\t{facts}\n")

    def _keys(self, cluster: Cluster, pepper: bytes) -> None:
        seeded = random.Random(self.count)
        records, secrets = self.file.with_suffix(".records"), self.file.with_suffix(".secrets")
        with self.file.open("wb") as plain, records.open("w") as record, secrets.open("w") as secret:
            for text, record_row, secret_row in self.rows(range(self.count), seeded, pepper):
                plain.write(text + b"\n")
                record.write(record_row)
                secret.write(secret_row)
        cluster.copy(self.database, RECORDS, records)
        cluster.copy(self.database, SECRETS, secrets)
        records.unlink()
        secrets.unlink()

    def repeated(self, lines: int) -> Path:
        """A file of as many keys, each equally often: a client's work, and its caches, are then those of a larger set."""
        path = self.file.with_suffix(".repeated")
        if not path.exists():
            path.write_bytes(self.file.read_bytes() * (lines // self.count))
        return path

    def one(self) -> Path:
        """A file of the first key alone."""
        path = self.file.with_suffix(".one")
        path.write_bytes(self.file.read_bytes()[: WIDTH + 1])
        return path

    def used(self, cluster: Cluster) -> int:
        """All requests that have been charged."""
        return int(cluster.sql(self.database, "SELECT sum(used_requests) FROM keymeter.usage_monthly"))
