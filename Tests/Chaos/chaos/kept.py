"""What the database has, once all is well and nobody works any more."""

import hashlib
import hmac
import json
from dataclasses import dataclass

from servers.charges import USAGE, Charged, charged

from .database import Database

SNAPSHOT = """
SELECT json_build_object(
  'keys', (SELECT coalesce(json_agg(k), '[]') FROM keymeter.api_keys AS k),
  'secrets', (
    SELECT coalesce(json_agg(json_build_object(
      'key_id', s.key_id, 'hash', encode(s.secret_hash, 'hex'),
      'present', s.valid_until IS NULL AND k.revoked_at IS NULL,
      'as_record', (s.environment, s.scopes, s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit, s.expires_at,
          s.revoked_at, s.allowed_cidrs)
        IS NOT DISTINCT FROM (k.environment, k.scopes, k.usage_limit, k.monthly_token_limit, k.monthly_stt_secs_limit,
          k.expires_at, k.revoked_at, k.allowed_cidrs))), '[]')
    FROM keymeter.api_key_secrets AS s LEFT JOIN keymeter.api_keys AS k USING (organisation_id, key_id)),
  'former', (SELECT coalesce(json_agg(f.key_id), '[]') FROM keymeter.former_secrets AS f),
  'reserved', (
    SELECT coalesce(json_object_agg(u.key_id, u.reserved_requests), '{}')
    FROM (SELECT key_id, sum(reserved_requests) AS reserved_requests FROM keymeter.usage_monthly GROUP BY key_id) AS u),
  'reservations', (SELECT coalesce(json_agg(r), '[]') FROM keymeter.reservations AS r),
  'events', (
    SELECT coalesce(json_agg(json_build_object('event', e.event_id, 'key_id', e.key_id, 'tokens', e.tokens)), '[]')
    FROM keymeter.usage_events AS e),
  'audit', (
    SELECT coalesce(json_agg(a ORDER BY a.audit_id), '[]') FROM keymeter.audit_log AS a))
"""


@dataclass(frozen=True)
class Kept:
    usage: dict[str, Charged]
    # Rows of api_keys, by id.
    keys: dict[str, dict]
    secrets: list[dict]
    # The keys of values that a rotation has replaced, one for each.
    former: list[str]
    # Requests that open reservations hold, by key.
    reserved: dict[str, int]
    reservations: list[dict]
    events: list[dict]
    # In order.
    audit: list[dict]
    # The request ids that `keymeter audit` prints, oldest first.
    told: list[str]
    pepper: bytes

    def hash(self, value: str) -> str:
        """What the database has in a value's place."""
        return hmac.new(self.pepper, value.encode(), hashlib.sha256).hexdigest()


def read(database: Database, audit: str, pepper: bytes) -> Kept:
    """`audit` is what `keymeter audit --json` prints."""
    # Over several lines, none of which has a tab.
    found = json.loads("\n".join(line for [line] in database.sql("keymeter", SNAPSHOT)))
    return Kept(
        charged(database.sql("keymeter", USAGE)), {row["key_id"]: row for row in found["keys"]}, found["secrets"],
        found["former"], found["reserved"], found["reservations"], found["events"], found["audit"],
        [line["request_id"] for line in reversed(json.loads(audit))], pepper)
