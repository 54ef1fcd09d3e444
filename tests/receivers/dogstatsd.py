"""A DogStatsD agent on loopback, over UDP or a Unix socket, that keeps the lines it gets."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path


class AgentSocket:
    """``address`` is host and port, or the socket's path; ``lines`` what came, decoded."""

    def __init__(self, path: Path | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(str(path) if path else ("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.address = self._socket.getsockname()
        self.lines: list[str] = []
        self._open = True
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        while self._open:
            try:
                packet = self._socket.recv(65536)
            except TimeoutError:
                continue
            self.lines += packet.decode().splitlines()

    def wait_for(self, count: int) -> list[str]:
        """The lines, once there are ``count``."""
        for _ in range(200):
            if len(self.lines) >= count:
                break
            time.sleep(0.02)
        return self.lines

    def __enter__(self) -> AgentSocket:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()
