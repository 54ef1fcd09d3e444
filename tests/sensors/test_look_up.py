"""Many things are looked up at once, and one that hangs keeps no other waiting."""

import threading
import time

from resources.storage import S3_CONNECTIONS
from sensors.look_up import look_up


def test_answers_come_in_the_order_of_the_items():
    def ask(number):
        time.sleep(0.001 * (9 - number))
        return number * number

    assert list(look_up(range(9), ask).items()) == [(n, n * n) for n in range(9)]


def test_as_many_are_asked_at_once_as_a_client_has_connections():
    together = threading.Barrier(S3_CONNECTIONS, timeout=30)
    assert len(look_up(range(S3_CONNECTIONS), lambda _: together.wait())) == S3_CONNECTIONS


def test_what_hangs_is_left_out_and_what_has_not_begun_is_never_asked():
    release, asked = threading.Event(), []

    def ask(item):
        asked.append(item)
        if item != "answers":
            release.wait(60)
        return item

    items = ["answers", *range(2 * S3_CONNECTIONS)]
    try:
        assert look_up(items, ask, seconds=1.0) == {"answers": "answers"}
    finally:
        release.set()
    assert len(asked) == 1 + S3_CONNECTIONS
