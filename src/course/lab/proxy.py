"""A TCP proxy between a client and Kafka, which loses what it is told to lose.

Rules
- Kafka's framing is 4 bytes of length, then the message. A request opens with api key (2 bytes), version (2) and
  correlation id (4); a reply opens with the correlation id of its request, and says no api key itself.
  https://kafka.apache.org/protocol.html
- A `Rule` names the requests that it is for. *lose request*: the broker never hears it. *lose reply*: the broker
  does it, and the client does not hear so. Both end the connection, as a broken network would, so that the client
  need not wait for its timeout. *delay reply*: the client hears later. *duplicate*: `deliver_kept` lets the broker
  hear it once more, as from a network that had kept it.
- Where brokers tell their addresses, the proxy puts its own port into their place, or clients would go around it.
- `cut` ends all connections and lets no new ones in, until `mend`.
"""

import asyncio
import contextlib
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from course.lab.guarded import HOST

PRODUCE, OFFSET_COMMIT, FIND_COORDINATOR, METADATA, DESCRIBE_CLUSTER = 0, 8, 10, 3, 60
ADD_PARTITIONS, END_TRANSACTION, TXN_OFFSET_COMMIT, INIT_PRODUCER_ID = 24, 26, 28, 22
_TELL_ADDRESSES = (METADATA, FIND_COORDINATOR, DESCRIBE_CLUSTER)


@dataclass
class Rule:
    """What happens to requests of one kind: to the `first`-th, counted from 1, and to so many in all."""

    api: int
    action: str  # lose request, lose reply, delay reply, duplicate
    first: int = 1
    times: int = 1
    delay_s: float = 0
    met: int = field(default=0, init=False)

    def applies(self, api: int) -> bool:
        if api != self.api:
            return False
        self.met += 1
        return self.first <= self.met < self.first + self.times

    def end(self) -> None:
        """From now on nothing happens to any request."""
        self.times = 0


class Lost(Exception):
    """A message was lost, and with it the connection."""


class Proxy:
    """Listens on a free port of this machine, for as long as the `with` lasts."""

    def __init__(self, address: str, *rules: Rule) -> None:
        host, _, port = address.rpartition(":")
        self._host = host
        self._upstream = int(port)
        self.rules = list(rules)
        self.seen: list[int] = []  # the api keys of all requests, in their order
        self.kept: list[bytes] = []  # requests that were delivered, and will be once more
        self._open: set[asyncio.StreamWriter] = set()
        self._cut = False

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self._port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Nobody gets through any more."""
        self._cut = True
        self.hang_up()

    def mend(self) -> None:
        self._cut = False

    def hang_up(self) -> None:
        """Ends all connections; clients may connect anew."""
        for writer in list(self._open):
            writer.close()

    async def deliver_kept(self) -> None:
        """The broker gets once more what it got already; nobody hears what it answers."""
        kept, self.kept = self.kept, []
        reader, writer = await asyncio.open_connection(self._host, self._upstream)
        for frame in kept:
            writer.write(frame)
            await _frame(reader)
        writer.close()
        await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._cut:
                return
            upstream, to_broker = await asyncio.open_connection(self._host, self._upstream)
            self._open.add(to_broker)
            try:
                await self._relay(_Conversation(self, reader, writer, upstream, to_broker))
            finally:
                self._open.discard(to_broker)
                to_broker.close()
        except OSError:
            return  # the broker is not there: the client finds its connection closed
        finally:
            self._open.discard(writer)
            writer.close()

    async def _relay(self, conversation: "_Conversation") -> None:
        """Both ways, until one of them ends."""
        ways = [asyncio.create_task(conversation.requests()), asyncio.create_task(conversation.replies())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def rule_for(self, api: int) -> Rule | None:
        """What is to happen to this request."""
        self.seen.append(api)
        return next((rule for rule in self.rules if rule.applies(api)), None)

    def with_our_port(self, api: int, reply: bytes) -> bytes:
        """The reply, with the proxy in the place of the broker."""
        if api not in _TELL_ADDRESSES:
            return reply
        host = self._host.encode()
        return reply.replace(host + struct.pack(">i", self._upstream), host + struct.pack(">i", self._port))


class _Conversation:
    """One connection of a client, and ours to the broker for it."""

    def __init__(
        self,
        proxy: Proxy,
        from_client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        from_broker: asyncio.StreamReader,
        to_broker: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._from_client = from_client
        self._to_client = to_client
        self._from_broker = from_broker
        self._to_broker = to_broker
        self._asked: dict[int, tuple[int, Rule | None]] = {}

    async def requests(self) -> None:
        with contextlib.suppress(Lost, OSError, asyncio.IncompleteReadError):
            while True:
                frame = await _frame(self._from_client)
                api, _, correlation = struct.unpack_from(">hhi", frame, 4)
                rule = self._proxy.rule_for(api)
                if rule is not None and rule.action == "lose request":
                    raise Lost
                if rule is not None and rule.action == "duplicate":
                    self._proxy.kept.append(frame)
                self._asked[correlation] = (api, rule)
                self._to_broker.write(frame)
                await self._to_broker.drain()

    async def replies(self) -> None:
        with contextlib.suppress(Lost, OSError, asyncio.IncompleteReadError):
            while True:
                frame = await _frame(self._from_broker)
                (correlation,) = struct.unpack_from(">i", frame, 4)
                api, rule = self._asked.pop(correlation, (-1, None))
                if rule is not None and rule.action == "lose reply":
                    raise Lost
                if rule is not None:
                    await asyncio.sleep(rule.delay_s)
                self._to_client.write(self._proxy.with_our_port(api, frame))
                await self._to_client.drain()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """One message with its length before it."""
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length))
