"""What clients were admitted, against what the database has charged."""

from dataclasses import dataclass

from .failure import law

USAGE = """
SELECT m.key_id, sum(m.used_requests), sum(m.used_tokens),
  (SELECT coalesce(sum(d.requests), 0) FROM keymeter.usage_by_day AS d WHERE d.key_id = m.key_id),
  (SELECT coalesce(sum(d.tokens), 0) FROM keymeter.usage_by_day AS d WHERE d.key_id = m.key_id)
FROM keymeter.usage_monthly AS m GROUP BY m.key_id
"""


@dataclass(frozen=True)
class Charged:
    """What the database has of one key."""

    requests: int = 0
    tokens: int = 0
    # The same again, as the reports by day have it.
    daily_requests: int = 0
    daily_tokens: int = 0

    def with_more(self, requests: int, tokens: int) -> "Charged":
        """As if so much more had been charged everywhere."""
        return Charged(
            self.requests + requests, self.tokens + tokens, self.daily_requests + requests, self.daily_tokens + tokens)


def charged(rows: list[list[str]]) -> dict[str, Charged]:
    """The rows of USAGE, by key."""
    return {key: Charged(*map(int, amounts)) for key, *amounts in rows}


def hold_charge(key: str, what: str, *, charged: int, daily: int, admitted: int, unclear: int, limit: int | None) -> None:
    """The laws of one key in one dimension: nothing is lost, nothing is charged that wasn't asked for, and the limit holds.

    `unclear` is what was asked for by requests of unknown outcome.
    """
    law(admitted <= charged, f"{key}: {admitted} {what} were admitted, and only {charged} are charged")
    law(charged <= admitted + unclear, f"{key}: {charged} {what} are charged, {admitted} admitted, {unclear} unclear")
    law(limit is None or charged <= limit, f"{key}: {charged} {what} are charged, over {limit}")
    law(daily == charged, f"{key}: {charged} {what} are charged, and {daily} by the days")
