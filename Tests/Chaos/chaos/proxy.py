"""A TCP proxy between the nodes and PostgreSQL that cuts connections around commits. It runs as a separate process.

Arguments: PostgreSQL's port, then one port for each node. It reads commands from standard input, one line of JSON each, and
answers each with one line of JSON on standard output.
"""

import asyncio
import json
import sys
from collections import Counter

# When to cut the connection, relative to a query that commits and its response.
CUTS = BEFORE_QUERY, AFTER_QUERY, MID_RESPONSE, BEFORE_RESPONSE = (
    "before the query", "after the query", "mid-response", "before the response")
BLACKHOLE = "blackhole"
# ReadyForQuery, which ends the server's response. The status byte I means: not in a transaction.
READY_FOR_QUERY, IDLE = b"Z\x00\x00\x00\x05", b"I"


class Cutting:
    """Cuts every n-th commit on a link, in one mode."""

    def __init__(self, mode: str, every: int) -> None:
        self.mode, self.every, self.commits = mode, every, 0

    def takes_next(self) -> bool:
        self.commits += 1
        return self.commits % self.every == 0


class Link:
    """All connections from one node to PostgreSQL."""

    def __init__(self, port: int, counts: Counter) -> None:
        self.port, self.counts = port, counts
        self.cutting: Cutting | None = None
        # Cleared while the link is a blackhole.
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.sessions: set[Session] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self.sessions.add(session)
        try:
            await session.run()
        except OSError:
            pass  # Either side may disconnect at any time.
        finally:
            session.cut()
            self.sessions.discard(session)

    def blackhole(self) -> None:
        self.is_open.clear()

    def end_blackhole(self) -> None:
        """Cuts all sessions, so that no bytes held back are ever delivered."""
        for session in list(self.sessions):
            session.cut()
            self.counts[BLACKHOLE] += 1
        self.is_open.set()


class Session:
    """One connection of a node, and the matching one to PostgreSQL."""

    def __init__(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.link, self.reader, self.writer = link, reader, writer
        self.upstream: asyncio.StreamWriter | None = None
        # Whether the session is outside a transaction, where each query commits by itself; None before the first response.
        self.idle: bool | None = None
        # How the current query and response will be cut.
        self.cut_mode: str | None = None

    async def run(self) -> None:
        await self.link.is_open.wait()
        source, self.upstream = await asyncio.open_connection("127.0.0.1", self.link.port)
        responses = asyncio.create_task(self._forward_responses(source))
        try:
            await self._forward_queries()
        finally:
            responses.cancel()

    def cut(self) -> None:
        for writer in (self.writer, self.upstream):
            if writer is not None:
                writer.transport.abort()

    async def _forward_queries(self) -> None:
        while data := await self.reader.read(1 << 16):
            await self.link.is_open.wait()
            cutting = self.link.cutting
            if cutting is not None and self._commits(data) and cutting.takes_next():
                self.cut_mode = cutting.mode
            if self.cut_mode == BEFORE_QUERY:
                return self._cut_as_planned()
            self.upstream.write(data)
            await self.upstream.drain()
            if self.cut_mode == AFTER_QUERY:
                return self._cut_as_planned()

    async def _forward_responses(self, source: asyncio.StreamReader) -> None:
        try:
            while data := await source.read(1 << 16):
                await self.link.is_open.wait()
                complete = data[-6:-1] == READY_FOR_QUERY
                if complete:
                    self.idle = data[-1:] == IDLE
                if self.cut_mode == MID_RESPONSE:
                    self.writer.write(data[:len(data) // 2])
                    return self._cut_as_planned()
                # The complete response proves that the transaction is committed.
                if self.cut_mode == BEFORE_RESPONSE and complete:
                    return self._cut_as_planned()
                if self.cut_mode is None:
                    self.writer.write(data)
                    await self.writer.drain()
        except OSError:
            pass
        self.cut()

    def _commits(self, data: bytes) -> bool:
        return b"COMMIT" in data or (self.idle is True and b"BEGIN" not in data)

    def _cut_as_planned(self) -> None:
        self.link.counts[self.cut_mode] += 1
        self.cut()


async def serve(upstream: int, ports: list[int]) -> None:
    counts: Counter = Counter()
    links = [Link(upstream, counts) for _ in ports]
    servers = [await asyncio.start_server(link.accept, "127.0.0.1", port) for link, port in zip(links, ports)]
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        command = json.loads(line)
        for link in (links[number] for number in command["links"]):
            match command["action"]:
                case "cut": link.cutting = Cutting(command["mode"], command["every"])
                case "stop cutting": link.cutting = None
                case "blackhole": link.blackhole()
                case "end blackhole": link.end_blackhole()
        print(json.dumps(counts), flush=True)
    for server in servers:
        server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
