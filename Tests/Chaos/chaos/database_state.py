"""What the database stored, read once the load has ended and all faults are over."""

import hashlib
import hmac
import json
from dataclasses import dataclass

from servers.charges import USAGE_QUERY, Usage, usage_by_key

from .database import Database

STATE_QUERY = """
SELECT json_build_object(
  'keys', (SELECT coalesce(json_agg(k), '[]') FROM keymeter.api_keys AS k),
  'secrets', (
    SELECT coalesce(json_agg(json_build_object(
      'key_id', s.key_id, 'hash', encode(s.secret_hash, 'hex'),
      'current', s.valid_until IS NULL AND k.revoked_at IS NULL,
      'copies_match', (s.environment, s.scopes, s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit, s.expires_at,
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
    SELECT coalesce(json_agg(json_build_object('event_id', e.event_id, 'key_id', e.key_id, 'tokens', e.tokens)), '[]')
    FROM keymeter.usage_events AS e),
  'audit', (
    SELECT coalesce(json_agg(a ORDER BY a.organisation_id, a.audit_id), '[]') FROM keymeter.audit_log AS a))
"""


@dataclass(frozen=True)
class DatabaseState:
    usage: dict[str, Usage]
    # Rows of api_keys, by key id.
    keys: dict[str, dict]
    secrets: list[dict]
    # Key ids of replaced secrets, one for each rotation.
    former: list[str]
    # Requests that open reservations hold, by key id.
    reserved: dict[str, int]
    reservations: list[dict]
    events: list[dict]
    # By organisation, in order of audit_id.
    audit: list[dict]
    # The request ids that `keymeter audit` printed, oldest first.
    printed_request_ids: list[str]
    pepper: bytes

    def secret_hash(self, secret: str) -> str:
        return hmac.new(self.pepper, secret.encode(), hashlib.sha256).hexdigest()


def read(database: Database, audit_output: str, pepper: bytes) -> DatabaseState:
    """`audit_output` is the output of `keymeter audit --json`."""
    # psql prints the JSON over several lines. It contains no tab.
    found = json.loads("\n".join(line for [line] in database.sql("keymeter", STATE_QUERY)))
    return DatabaseState(
        usage_by_key(database.sql("keymeter", USAGE_QUERY)), {row["key_id"]: row for row in found["keys"]},
        found["secrets"], found["former"], found["reserved"], found["reservations"], found["events"], found["audit"],
        [entry["request_id"] for entry in reversed(json.loads(audit_output))], pepper)
