"""A model's own computations, in a process that is ended at their limits.

SQL and graphs are data of the team that ships a model. What they compute may have no end, and no
library that runs them can be relied on to stop by itself.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast

from resources.errors import InputError
from resources.isolation import Ended, call_each
from resources.limits import Bounds
from resources.onnx_runtime import load_onnxruntime

Result = TypeVar("Result")


def run_limited(
    what: str,
    bounds: Bounds,
    error: type[InputError],
    compute: Callable[..., Result],
    *arguments: object,
) -> Result:
    """Call a function in another process.

    Parameters
    ----------
    what
        What is computed, for errors.
    bounds
        At which it is ended.
    error
        What to raise then.
    compute, arguments
        A function of a module, and what can be pickled. What it raises is raised here.

    Raises
    ------
    InputError
        ``error``, if it was ended or its process ended by itself.
    """
    # Files of a process that is ended go with it.
    with tempfile.TemporaryDirectory(prefix="monitoring-limited-") as folder:
        replies = call_each(
            _compute,
            [(folder, compute, arguments)],
            prepare=(_prepare, ()),
            limit=bounds.seconds,
            memory=bounds.memory,
        )
        ((_, reply),) = replies
    if isinstance(reply, Ended):
        raise error(f"{what} {bounds.in_words(reply)}")
    result, failure = reply
    if isinstance(failure, MemoryError):
        raise error(f"{what} wanted more memory than there is")
    if failure is not None:
        raise failure
    return cast("Result", result)


def _prepare() -> None:
    """Load what takes long, once for all calls."""
    import duckdb  # noqa: F401
    import pyarrow.dataset
    import pyarrow.parquet  # noqa: F401

    load_onnxruntime()


def _compute(
    folder: str, compute: Callable[..., object], arguments: tuple[object, ...]
) -> tuple[object, Exception | None]:
    with suppress(OSError):  # where memory runs out this goes first, and no other model's run
        Path("/proc/self/oom_score_adj").write_text("1000")
    tempfile.tempdir = folder
    try:
        return compute(*arguments), None
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # some exceptions can be pickled only
        except Exception:
            return None, RuntimeError(f"{type(error).__name__}: {error}")
        return None, error
