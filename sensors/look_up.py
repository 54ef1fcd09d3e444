"""Looking many things up at once, within a time: a tick ends, whatever one model's lake does."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from resources.storage import S3_CONNECTIONS

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# For what the ticks of one sensor look up; what is left is looked up by the next ones.
LOOK_SECONDS = 8.0


def look_up(
    items: Iterable[Item], ask: Callable[[Item], Answer], seconds: float = LOOK_SECONDS
) -> dict[Item, Answer]:
    """Ask for each item in threads, the first ones first.

    Parameters
    ----------
    ask
        Runs in a thread. What it raises ends the tick.
    seconds
        After these nothing more is waited for.

    Returns
    -------
    Answers by item, in the order of the items. An item without one in time is left out.
    """
    readers = ThreadPoolExecutor(S3_CONNECTIONS)
    asked = {item: readers.submit(ask, item) for item in items}
    done, _ = wait(asked.values(), timeout=seconds)
    # Not waited for: a call that hangs ends by itself, when its connection does.
    readers.shutdown(wait=False, cancel_futures=True)
    return {item: future.result() for item, future in asked.items() if future in done}
