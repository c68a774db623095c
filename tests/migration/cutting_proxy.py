"""A TCP proxy on 127.0.0.1 that resets all its connections on command. A thread of its own serves it."""
import asyncio
import socket
import struct
import threading


class CuttingProxy:
    def __init__(self, target_port):
        self.target_port = target_port
        self.cuts = 0  # connections that cut() has ended
        self.open = set()
        self.loop = asyncio.new_event_loop()
        started = threading.Event()

        async def listen():
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            started.set()

        def run():
            self.loop.run_until_complete(listen())
            self.loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        started.wait()

    async def _serve(self, reader, writer):
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.close()
            return
        pair = (writer, server_writer)
        self.open.add(pair)
        await asyncio.gather(self._copy(reader, server_writer), self._copy(server_reader, writer))
        self.open.discard(pair)

    @staticmethod
    async def _copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self):
        """Resets every connection that there is now; returns when that is done."""
        async def reset():
            for pair in list(self.open):
                self.cuts += 1
                for writer in pair:
                    connection = writer.get_extra_info("socket")
                    if connection is not None and connection.fileno() >= 0:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
        asyncio.run_coroutine_threadsafe(reset(), self.loop).result()
