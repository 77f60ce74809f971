"""Clients that report usage, and clients that reserve and settle."""

from servers.connection import Response

from .client import Client, auth_headers
from .journal import Reservation, UsageReport
from .keys import Key


class Reporter(Client):
    """Reports tokens. Each report has an Idempotency-Key or an event_id, so that a retry counts once."""

    def __init__(self, *client, key: Key) -> None:
        super().__init__(*client)
        self.key = key

    def act(self) -> None:
        report = UsageReport(self.key.id, None, self.rng.randint(1, 5))
        name = f"{self.name}-report-{len(self.journal.reports)}"
        headers, body = auth_headers(self.key.secret), {"tokens": report.tokens}
        if self.rng.random() < 0.5:
            headers["Idempotency-Key"] = name
        else:
            report.event_id = body["event_id"] = name
        self.journal.reports.append(report)

        def attempt() -> Response:
            record, response = self.request("POST", "/api/v1/usage/record", headers, body)
            report.attempts.append(record)
            return response
        self.retry_until_answered(attempt)


class Reserver(Client):
    """Reserves requests and settles most reservations. The others stay open or expire."""

    def __init__(self, *client, keys: list[Key]) -> None:
        super().__init__(*client)
        # The first key has a limit. It is never settled for more than was reserved.
        self.keys = keys

    def act(self) -> None:
        key = self.rng.choice(self.keys)
        amounts = {"requests": self.rng.randint(1, 9), "tokens": self.rng.choice((0, 10))}
        reservation = Reservation(key.id, amounts, self.rng.choice(("release", "charge")))
        hold_secs = self.rng.choice((1, 600, 600, 600))
        self._reserve(key, reservation, hold_secs)
        settles, extra = self.rng.random() < 0.8, self.rng.choice((0, 5))
        share = self.rng.random()
        if reservation.id is not None and settles:
            more = 0 if key is self.keys[0] else extra
            self._settle(key, reservation, {name: int(amount * share) + more for name, amount in amounts.items()})

    def _reserve(self, key: Key, reservation: Reservation, hold_secs: int) -> None:
        headers = auth_headers(key.secret) | {
            "Idempotency-Key": f"{self.name}-reservation-{len(self.journal.reservations)}"}
        body = reservation.amounts | {"hold_secs": hold_secs, "on_expiry": reservation.on_expiry}
        self.journal.reservations.append(reservation)

        def attempt() -> Response:
            record, response = self.request("POST", "/api/v1/usage/reserve", headers, body)
            reservation.attempts.append(record)
            return response
        response = self.retry_until_answered(attempt)
        if response is not None and response.status == 201:
            content = response.json
            reservation.id = content["reservation_id"]
            reservation.used, reservation.limit = (content["limits"]["requests"][name] for name in ("used", "limit"))

    def _settle(self, key: Key, reservation: Reservation, amounts: dict[str, int]) -> None:
        reservation.settled_amounts = amounts

        def attempt() -> Response:
            record, response = self.request(
                "POST", "/api/v1/usage/settle", auth_headers(key.secret), {"reservation_id": reservation.id} | amounts)
            reservation.settle_attempts.append(record)
            return response
        self.retry_until_answered(attempt)
