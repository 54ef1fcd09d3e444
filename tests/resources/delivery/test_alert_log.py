"""The alert log: on standard error and in the store, in the shape that every channel gets."""

from pydantic import TypeAdapter

from resources.delivery.alert_log import AlertLog
from resources.delivery.messages import Link, Message
from resources.storage import open_storage
from tests.receivers.messages import change, measurements, notice

MESSAGE = TypeAdapter(Message)


def logged(root):
    storage = open_storage(root)
    return [MESSAGE.validate_json(storage.read(path)) for path in storage.list("alert_log")]


def test_messages_are_kept_as_they_are_and_once(any_lender):
    log = AlertLog(root=any_lender.store.root)
    messages = [notice(), notice(2, "resolve"), change()]
    for message in [*messages, *messages]:
        assert any_lender.store.root in log.send(message)
    kept = logged(any_lender.store.root)
    assert len(kept) == 3
    assert all(message in kept for message in messages)


def test_a_person_reads_it_on_standard_error(lender, capfd):
    AlertLog(root=lender.store.root).send(
        notice(summary="PSI of [score] is 0.31", links=[Link(text="Day", href="https://d.example")])
    )
    shown = capfd.readouterr()
    assert not shown.out
    for text in (
        "pd_cards.1/population/1 · open · critical",
        "PSI of [score] is 0.31",
        "missing: 1% to 40%, since 2026-03-02",
        "PSI at fail on 2 of the last 3 days",
        "$ monitoring report pd_cards.1",
        "https://d.example",
    ):
        assert text in shown.err


def test_notices_and_changes_are_logged_but_no_measurements(lender):
    log = AlertLog(root=lender.store.root)
    assert log.takes(notice())
    assert log.takes(change())
    assert not log.takes(measurements())
