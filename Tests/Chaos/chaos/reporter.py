"""Clients that report usage, each report by its name until it is answered, and clients that reserve and settle."""

from servers.connection import Answer

from .client import Client, bearing
from .history import Holding, Report
from .keys import Key


class Reporter(Client):
    """Reports tokens: once by Idempotency-Key, once by event_id."""

    def __init__(self, *client, key: Key) -> None:
        super().__init__(*client)
        self.key = key

    def act(self) -> None:
        report = Report(self.key.id, None, self.drawn.randint(1, 5))
        name = f"{self.name}-report-{len(self.history.reports)}"
        headers, body = bearing(self.key.value), {"tokens": report.tokens}
        if self.drawn.random() < 0.5:
            headers["Idempotency-Key"] = name
        else:
            report.event = body["event_id"] = name
        self.history.reports.append(report)

        def attempt() -> Answer:
            noted, answer = self.ask("POST", "/api/v1/usage/record", headers, body)
            report.attempts.append(noted)
            return answer
        self.until_answered(attempt)


class Reserver(Client):
    """Reserves requests, and settles most of what it has reserved; the rest stays open, or expires."""

    def __init__(self, *client, keys: list[Key]) -> None:
        super().__init__(*client)
        # The first has a limit, and there no more is settled than was reserved.
        self.keys = keys

    def act(self) -> None:
        key = self.drawn.choice(self.keys)
        asked = {"requests": self.drawn.randint(1, 9), "tokens": self.drawn.choice((0, 10))}
        holding = Holding(key.id, asked, self.drawn.choice(("release", "charge")))
        hold = self.drawn.choice((1, 600, 600, 600))
        self._reserve(key, holding, hold)
        settles, extra = self.drawn.random() < 0.8, self.drawn.choice((0, 5))
        share = self.drawn.random()
        if holding.id is not None and settles:
            more = 0 if key is self.keys[0] else extra
            self._settle(key, holding, {name: int(amount * share) + more for name, amount in asked.items()})

    def _reserve(self, key: Key, holding: Holding, hold: int) -> None:
        headers = bearing(key.value) | {"Idempotency-Key": f"{self.name}-holding-{len(self.history.holdings)}"}
        body = holding.asked | {"hold_secs": hold, "on_expiry": holding.on_expiry}
        self.history.holdings.append(holding)

        def attempt() -> Answer:
            noted, answer = self.ask("POST", "/api/v1/usage/reserve", headers, body)
            holding.attempts.append(noted)
            return answer
        answer = self.until_answered(attempt)
        if answer is not None and answer.status == 201:
            told = answer.json
            holding.id = told["reservation_id"]
            holding.used, holding.limit = (told["limits"]["requests"][name] for name in ("used", "limit"))

    def _settle(self, key: Key, holding: Holding, amounts: dict[str, int]) -> None:
        holding.settled = amounts

        def attempt() -> Answer:
            noted, answer = self.ask(
                "POST", "/api/v1/usage/settle", bearing(key.value), {"reservation_id": holding.id} | amounts)
            holding.settling.append(noted)
            return answer
        self.until_answered(attempt)
