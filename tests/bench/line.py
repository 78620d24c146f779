"""A line with a round trip of its own: `python -m tests.bench.line HOST PORT SECONDS` prints the port it listens on.

Whatever is sent arrives half a round trip later, in order; how much is under way at a time is not bounded. It runs in a
process of its own, so that it takes no time of the programs that talk over it.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 2**18


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Everything that comes is sent on after the delay, until the end, which is passed on too."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    delivering = asyncio.create_task(deliver())
    try:
        while data := await reader.read(CHUNK):
            under_way.put_nowait((loop.time() + delay, data))
    except ConnectionError:
        pass
    under_way.put_nowait((loop.time() + delay, b""))
    await asyncio.gather(delivering, return_exceptions=True)


async def _listen(host: str, port: int, delay: float) -> None:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * delay)  # TCP's own handshake
        up, down = await asyncio.open_connection(host, port)
        await asyncio.gather(_carry(reader, down, delay), _carry(up, writer, delay))
        for each in (down, writer):
            each.close()

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


@contextmanager
def line(host: str, port: int, round_trip: float) -> Iterator[int]:
    """The port of a line to a server, while it stands."""
    words = [sys.executable, "-m", "tests.bench.line", host, str(port), str(round_trip)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_listen(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 2))
