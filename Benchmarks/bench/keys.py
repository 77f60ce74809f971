"""Generates key sets: the secrets that the client sends, and their rows in the database."""

import hmac
import random
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .cluster import Cluster

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Maps bytes to characters. The distribution is not uniform, which does not matter for a benchmark.
_ANY = bytes(ord(ALPHABET[byte % 62]) for byte in range(256))
_TRIPLES = [(a + b + c).encode() for a in ALPHABET for b in ALPHABET for c in ALPHABET]
KEYS_PER_ORGANISATION = 100
# So high that no request is rejected, although every request is judged by it.
LIMIT = 1_000_000_000_000

PREFIX = b"sk_live_"
WIDTH = len(PREFIX) + 32 + 6
# The creation time of the first key. The others follow one second apart.
FIRST_CREATED = datetime(2024, 1, 1, tzinfo=timezone.utc)
# The tables and columns that are loaded, in the order of the generated rows.
RECORDS = """keymeter.api_keys (organisation_id, key_id, friendly_name, root, environment, scopes, usage_limit,
    monthly_token_limit, linkage_id, key_hint, created_at)"""
SECRETS = """keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id, environment, scopes,
    usage_limit, monthly_token_limit)"""


def checksum(payload: bytes) -> bytes:
    """CRC-32 as six base62 characters."""
    high, low = divmod(zlib.crc32(payload), len(_TRIPLES))
    return _TRIPLES[high] + _TRIPLES[low]


class KeySet:
    """This many keys, in a separate database."""

    def __init__(self, count: int, folder: Path) -> None:
        self.count = count
        self.database = f"keys_{count}"
        self.file = folder / f"{self.database}.txt"

    def load(self, cluster: Cluster, pepper: bytes) -> None:
        """Writes the file of secrets, and loads the rows into the migrated database."""
        cluster.sql(self.database, "SELECT keymeter.ensure_usage_partitions(1)")
        self._organisations(cluster)
        self._keys(cluster, pepper)
        # pgbench cannot compute an HMAC. Its keys get a second secret, whose hash it can compute from a number.
        cluster.sql(self.database, """
            INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
            SELECT organisation_id, key_id, sha256(int8send(row_number() OVER ())), 'pgbench'
            FROM keymeter.api_keys LIMIT 10000""")
        # The counters exist from the start, so that no daily or monthly rollover is measured.
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
        """The number of the key's organisation."""
        return number // KEYS_PER_ORGANISATION

    def is_root(self, _number: int) -> bool:
        return False

    def rows(self, numbers: range, rng: random.Random, pepper: bytes):
        """For each key its secret, its row of `RECORDS` and its row of `SECRETS`."""
        for number in numbers:
            characters = rng.randbytes(56).translate(_ANY)
            payload = PREFIX + characters[:32]
            text = payload + checksum(payload)
            organisation = f"org_{self.organisation(number):024d}"
            key = "key_" + characters[32:].decode()
            secret_hash = hmac.digest(pepper, text, "sha256").hex()
            columns = f"PRODUCTION\t{{incidents:read,incidents:write}}\t{LIMIT}\t{LIMIT}"
            root = "t" if self.is_root(number) else "f"
            yield (text,
                   f"{organisation}\t{key}\tBench {number}\t{root}\t{columns}\tunit-{number}"
                   f"\tsk_live_...{text[-4:].decode()}\t{FIRST_CREATED + timedelta(seconds=number)}\n",
                   f"{organisation}\t{key}\t\\\\x{secret_hash}\tbench\t{columns}\n")

    def _keys(self, cluster: Cluster, pepper: bytes) -> None:
        rng = random.Random(self.count)
        records, secrets = self.file.with_suffix(".records"), self.file.with_suffix(".secrets")
        with self.file.open("wb") as plaintexts, records.open("w") as record, secrets.open("w") as secret:
            for text, record_row, secret_row in self.rows(range(self.count), rng, pepper):
                plaintexts.write(text + b"\n")
                record.write(record_row)
                secret.write(secret_row)
        cluster.copy(self.database, RECORDS, records)
        cluster.copy(self.database, SECRETS, secrets)
        records.unlink()
        secrets.unlink()

    def repeated(self, lines: int) -> Path:
        """A file with this many lines that repeats the keys, so that reading it costs the client as much as a larger set."""
        path = self.file.with_suffix(".repeated")
        if not path.exists():
            path.write_bytes(self.file.read_bytes() * (lines // self.count))
        return path

    def one(self) -> Path:
        """A file with only the first key."""
        path = self.file.with_suffix(".one")
        path.write_bytes(self.file.read_bytes()[: WIDTH + 1])
        return path

    def used(self, cluster: Cluster) -> int:
        """The number of requests charged to all keys."""
        return int(cluster.sql(self.database, "SELECT sum(used_requests) FROM keymeter.usage_monthly"))
