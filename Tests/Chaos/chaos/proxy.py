"""A TCP proxy between nodes and PostgreSQL, which cuts connections where it hurts; a process of its own.

It is told its ports as arguments, `PostgreSQL's own:one for each node…`, and what to do by lines of JSON on its standard
input, each of which it answers by one on its standard output.
"""

import asyncio
import json
import sys
from collections import Counter

# How a server's answer ends: ReadyForQuery, and the state of the session (I: in no transaction).
READY, IDLE = b"Z\x00\x00\x00\x05", b"I"


class Cutting:
    """What is cut on one wire at present: each n-th exchange that commits, in one way."""

    def __init__(self, mode: str, every: int) -> None:
        self.mode, self.every, self.seen = mode, every, 0

    def takes_next(self) -> bool:
        self.seen += 1
        return self.seen % self.every == 0


class Wire:
    """The way of one node to PostgreSQL."""

    def __init__(self, port: int, counts: Counter) -> None:
        self.port, self.counts = port, counts
        self.cutting: Cutting | None = None
        # Set while bytes pass.
        self.speaks = asyncio.Event()
        self.speaks.set()
        self.sessions: set[Session] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self.sessions.add(session)
        try:
            await session.run()
        except OSError:
            pass  # Either end may go at any time.
        finally:
            session.cut()
            self.sessions.discard(session)

    def silence(self) -> None:
        self.speaks.clear()

    def end_silence(self) -> None:
        """What was not passed on in the silence never is."""
        for session in list(self.sessions):
            session.cut()
            self.counts["silence"] += 1
        self.speaks.set()


class Session:
    """One connection of a node's, and its other half to PostgreSQL."""

    def __init__(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.wire, self.reader, self.writer = wire, reader, writer
        self.above: asyncio.StreamWriter | None = None
        # In no transaction, and so that whatever is asked now commits by itself; None until the session has begun.
        self.idle: bool | None = None
        # How the exchange that is under way is to be cut.
        self.doom: str | None = None

    async def run(self) -> None:
        await self.wire.speaks.wait()
        source, self.above = await asyncio.open_connection("127.0.0.1", self.wire.port)
        down = asyncio.create_task(self._down(source))
        try:
            await self._up()
        finally:
            down.cancel()

    def cut(self) -> None:
        for writer in (self.writer, self.above):
            if writer is not None:
                writer.transport.abort()

    async def _up(self) -> None:
        while data := await self.reader.read(1 << 16):
            await self.wire.speaks.wait()
            cutting = self.wire.cutting
            if cutting is not None and self._commits(data) and cutting.takes_next():
                self.doom = cutting.mode
            if self.doom == "before":
                return self._done()
            self.above.write(data)
            await self.above.drain()
            if self.doom == "at once":
                return self._done()

    async def _down(self, source: asyncio.StreamReader) -> None:
        try:
            while data := await source.read(1 << 16):
                await self.wire.speaks.wait()
                ready = data[-6:-1] == READY
                if ready:
                    self.idle = data[-1:] == IDLE
                if self.doom == "half":
                    self.writer.write(data[:len(data) // 2])
                    return self._done()
                # The whole of the answer has come by now: what was to be committed is.
                if self.doom == "after" and ready:
                    return self._done()
                if self.doom is None:
                    self.writer.write(data)
                    await self.writer.drain()
        except OSError:
            pass
        self.cut()

    def _commits(self, data: bytes) -> bool:
        return b"COMMIT" in data or (self.idle is True and b"BEGIN" not in data)

    def _done(self) -> None:
        self.wire.counts[self.doom] += 1
        self.cut()


async def serve(upstream: int, ports: list[int]) -> None:
    counts: Counter = Counter()
    wires = [Wire(upstream, counts) for _ in ports]
    servers = [await asyncio.start_server(wire.accept, "127.0.0.1", port) for wire, port in zip(wires, ports)]
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        order = json.loads(line)
        chosen = [wires[number] for number in order["wires"]]
        for wire in chosen:
            match order["do"]:
                case "cut": wire.cutting = Cutting(order["mode"], order["every"])
                case "stop cutting": wire.cutting = None
                case "silence": wire.silence()
                case "end silence": wire.end_silence()
        print(json.dumps(counts), flush=True)
    for server in servers:
        server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
