"""Compares what clients were admitted with what the database charged."""

from dataclasses import dataclass

from .failure import require

USAGE_QUERY = """
SELECT m.key_id, sum(m.used_requests), sum(m.used_tokens),
  (SELECT coalesce(sum(d.requests), 0) FROM keymeter.usage_by_day AS d WHERE d.key_id = m.key_id),
  (SELECT coalesce(sum(d.tokens), 0) FROM keymeter.usage_by_day AS d WHERE d.key_id = m.key_id)
FROM keymeter.usage_monthly AS m GROUP BY m.key_id
"""


@dataclass(frozen=True)
class Usage:
    """The usage that the database has for one key."""

    requests: int = 0
    tokens: int = 0
    # The same usage, summed over the daily rows.
    daily_requests: int = 0
    daily_tokens: int = 0

    def plus(self, requests: int, tokens: int) -> "Usage":
        """The usage if this much more had been charged, in the counters and in the daily rows."""
        return Usage(
            self.requests + requests, self.tokens + tokens, self.daily_requests + requests, self.daily_tokens + tokens)


def usage_by_key(rows: list[list[str]]) -> dict[str, Usage]:
    """Parses the rows of USAGE_QUERY."""
    return {key: Usage(*map(int, amounts)) for key, *amounts in rows}


def check_charges(
        key: str, dimension: str, *, charged: int, daily: int, admitted: int, unknown: int, limit: int | None) -> None:
    """Requires for one key and dimension: no charge lost, no charge invented, limit not exceeded, daily rows correct.

    `unknown` is what requests of unknown outcome asked for.
    """
    require(admitted <= charged, f"{key}: {admitted} {dimension} were admitted, but only {charged} charged")
    require(charged <= admitted + unknown,
            f"{key}: {charged} {dimension} were charged, but {admitted} admitted and {unknown} of unknown outcome")
    require(limit is None or charged <= limit, f"{key}: {charged} {dimension} were charged, over the limit of {limit}")
    require(daily == charged, f"{key}: {charged} {dimension} were charged, but the daily rows add up to {daily}")
