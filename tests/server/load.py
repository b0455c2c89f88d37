"""Clients that never stop asking, and what became of their requests."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from tests.support.wire import HOST, request

#: A connection that the kernel does not answer at all is not one: the listener is about to close.
CONNECTS_WITHIN_S = 5.0


@dataclass
class Load:
    """Asks one path over many connections until the server refuses new ones."""

    port: int
    path: str
    headers: tuple[str, ...] = ()
    answered: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    async def run(self, keep_alive: int, new: int, pipelined: int = 0) -> None:
        """Run so many clients that keep their connection, that take one each time, that pipeline three."""
        clients = [self._client(request(self.path, *self.headers), 1, True) for _ in range(keep_alive)]
        closing = request(self.path, "Connection: close", *self.headers)
        clients += [self._client(closing, 1, False) for _ in range(new)]
        clients += [self._client(request(self.path, *self.headers), 3, True) for _ in range(pipelined)]
        await asyncio.gather(*clients)

    async def _client(self, sent: bytes, at_once: int, keep: bool) -> None:
        while True:
            try:
                async with asyncio.timeout(CONNECTS_WITHIN_S):
                    reader, writer = await asyncio.open_connection(HOST, self.port)
            except OSError:  # refused; includes what timed out
                return
            try:
                while await self._ask(reader, writer, sent, at_once) and keep:
                    pass
            except (OSError, asyncio.IncompleteReadError, ValueError) as error:
                self.lost.append(repr(error))
            finally:
                writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes, at_once: int
    ) -> bool:
        """Send and read; say whether the connection stays open."""
        writer.write(sent * at_once)
        stays = True
        for _ in range(at_once):
            if not stays:  # told so, a client sends again what was behind (RFC 9112, 9.3.2)
                break
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().lower().split("\r\n")
            length = next(int(line[16:]) for line in lines if line.startswith("content-length: "))
            await reader.readexactly(length)
            self.answered[int(lines[0].split()[1])] += 1
            stays = "connection: close" not in lines
        return stays
