"""Compares what clients observed with what the database stored."""

from collections import Counter

from servers.charges import USAGE_QUERY, Usage, check_charges, usage_by_key
from servers.failure import Failure, require

from .clients import Load, RequestRecord
from .replicas import Member


def check(load: Load, member: Member) -> str:
    """Checks every response against the database and returns a summary. Raises Failure at the first violation."""
    stored = usage_by_key(member.sql("keymeter", USAGE_QUERY))
    check_invariants(load, stored)
    check_tampering_is_detected(load, stored)
    retries = len(load.report_attempts) - load.acknowledged_reports
    return (f"{load.admitted} verifications and {load.acknowledged_reports} reports succeeded (after {retries} retries), "
            f"{sum(record.outcome_unknown for record in load.verifications)} of unknown outcome, all accounted for")


def check_invariants(load: Load, stored: dict[str, Usage]) -> None:
    unexpected = {record.status for record in load.verifications} - {200, 429, 503, 502, 504, 0}
    require(not unexpected, f"unexpected statuses: {unexpected}")
    require(not load.failed_reports, f"reports never succeeded: {load.failed_reports}")
    for key in load.keys:
        records = [record for record in load.verifications if record.key is key]
        usage = stored.get(key.id, Usage())
        check_charges(
            key.id, "requests", charged=usage.requests, daily=usage.daily_requests,
            admitted=sum(record.amount for record in records if record.status == 200),
            unknown=sum(record.amount for record in records if record.outcome_unknown), limit=key.limit)
    tokens = stored.get(load.reporting_key.id, Usage()).tokens
    require(tokens == load.acknowledged_reports,
            f"{load.acknowledged_reports} reports of one token succeeded, but {tokens} tokens were recorded")


def check_tampering_is_detected(load: Load, stored: dict[str, Usage]) -> None:
    """A check that cannot fail proves nothing: one lost or one extra charge must violate the invariants."""
    for key in [*load.keys, load.reporting_key]:
        actual = stored.get(key.id, Usage())
        unknown = 1 + sum(record.amount for record in load.verifications if record.key is key and record.outcome_unknown)
        for tampered in (actual.plus(-unknown, -1), actual.plus(unknown, 1)):
            try:
                check_invariants(load, stored | {key.id: tampered})
            except Failure:
                continue
            raise Failure(f"the invariants accept {tampered} instead of {actual}")


def outage(load: Load, since: float) -> float:
    """The longest gap between successful responses, in seconds, from one second before `since`."""
    ends = sorted(record.ended for record in load.all_records if record.status == 200 and record.ended > since - 1)
    require(len(ends) > 1, "no request succeeded after the failure")
    return max(later - earlier for earlier, later in zip(ends, ends[1:]))


def failures(records: list[RequestRecord]) -> Counter[int]:
    """How many requests failed, by status. 429 is not a failure, because the invariants check it."""
    return Counter(record.status for record in records if record.status not in (200, 429))
