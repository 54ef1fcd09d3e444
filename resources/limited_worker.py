"""The process of `resources.limited`: it ends with the one that started it."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

PARENT_SECONDS = 1.0


def main(descriptor: int) -> None:
    """Compute what arrives, until the other side has ended."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with suppress(OSError):  # where memory runs out this goes first, and no other model's run
        Path("/proc/self/oom_score_adj").write_text("1000")
    connection = Connection(descriptor)
    while True:
        try:
            content = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(_answer(content))


def _answer(content: bytes) -> bytes:
    result: object = None
    failure: Exception | None = None
    try:
        environment, compute, arguments = pickle.loads(content)
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None  # read anew
        result = compute(*arguments)
    except Exception as error:
        failure = error
    try:
        answer = pickle.dumps((result, failure))
        pickle.loads(answer)  # some exceptions can be pickled only
    except Exception:
        answer = pickle.dumps((None, RuntimeError(f"{type(failure).__name__}: {failure}")))
    return answer


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
