"""A small HTTP client that keeps its connection open, and a receiver that takes whatever comes."""

import asyncio
import json
import time


class Client:
    """One connection; requests go one after the other."""

    def __init__(self, port, headers):
        self.port, self.headers = port, headers
        self.reader = self.writer = None

    async def ask(self, method, path, body=None):
        """Returns the status, the body and how many seconds it took."""
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n"
        for name, value in self.headers.items():
            head += f"{name}: {value}\r\n"
        begun = time.monotonic()
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(head.encode() + b"\r\n" + data)
        await self.writer.drain()
        line = await self.reader.readline()
        if not line:
            # The server closes a connection that was idle for long.
            self.writer.close()
            self.writer = None
            return await self.ask(method, path, body)
        status = int(line.split()[1])
        length, chunked, close = 0, False, False
        while (line := await self.reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            name, value = name.lower(), value.strip().lower()
            length = int(value) if name == "content-length" else length
            chunked |= name == "transfer-encoding" and value == "chunked"
            close |= name == "connection" and value == "close"
        answer = await self._chunks() if chunked else await self.reader.readexactly(length)
        if close:
            self.writer.close()
            self.writer = None
        return status, answer, time.monotonic() - begun

    async def _chunks(self):
        parts = []
        while size := int(await self.reader.readline(), 16):
            parts.append(await self.reader.readexactly(size))
            await self.reader.readline()
        await self.reader.readline()
        return b"".join(parts)


class Receiver:
    """Answers 204 to every delivery and counts them."""

    def __init__(self):
        self.count = 0

    async def start(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        try:
            while await reader.readline():
                length = 0
                while (line := await reader.readline()).strip():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                await reader.readexactly(length)
                self.count += 1
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
