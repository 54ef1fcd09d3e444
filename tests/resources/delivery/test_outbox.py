"""The outbox: at least once, in order, never in the way of others, and resumable after any kill."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.delivery import metrics
from resources.delivery.alert_log import AlertLog
from resources.delivery.channel import UndeliveredError
from resources.delivery.channels import channels_from_environment
from resources.delivery.datadog import Datadog
from resources.delivery.outbox import Evidence, Outbox
from resources.delivery.pagerduty import PagerDuty
from resources.storage import LocalStorage, open_storage
from tests.receivers.datadog import DatadogReceiver
from tests.receivers.messages import DAY, NOW, change, measurements, notice, subject
from tests.receivers.pagerduty import PagerDutyReceiver
from tests.receivers.server import CUT_AFTER, Answer

KEY = "0123456789abcdef0123456789abcdef"


class Recorder:
    """A channel that keeps what it took, and fails where it is told to."""

    def __init__(self, name="pagerduty", failures=()):
        self.name = name
        self.sent = []
        self.tried = []
        self.failures = list(failures)

    def takes(self, message):
        return message.kind != "measurements" or self.name == "datadog"

    def send(self, message):
        self.tried.append(message.path)
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        self.sent.append(message)
        return "ok"

    @property
    def paths(self):
        return [message.path for message in self.sent]


@pytest.fixture
def box(tmp_path):
    return Outbox(LocalStorage(str(tmp_path)))


def after(seconds):
    return NOW + dt.timedelta(seconds=seconds)


def down():
    return UndeliveredError("no connection")


def refused():
    return UndeliveredError("400: bad", refused=True)


def deliver(box, *channels, at=0.0, key=None, seconds=30.0):
    return box.deliver(channels, key=key, seconds=seconds, now=after(at))


def of(model, number=1, action="open", **changes):
    return notice(number, action, subject=subject(model), **changes)


def test_a_message_is_sent_once_and_its_evidence_kept(any_lender):
    box = Outbox(any_lender.store.storage)
    channel = Recorder()
    for _ in range(3):
        box.put(notice(), [channel])
        deliver(box, channel)
    assert channel.paths == ["pd_cards.1/population/1/0001-open"]
    assert box.waiting() == []
    path = "evidence/deliveries/pagerduty/pd_cards.1/population/1/0001-open.json"
    kept = Evidence.model_validate_json(any_lender.store.storage.read(path))
    assert (kept.message, kept.attempts, kept.answer) == (notice(), 1, "ok")
    assert kept.taken_at == NOW


def test_each_channel_has_its_own_copy_of_what_it_takes(box):
    pagerduty, datadog = Recorder(), Recorder("datadog")
    box.put(notice(), [pagerduty, datadog])
    box.put(measurements(), [pagerduty, datadog])
    deliver(box, pagerduty)
    assert [waiting.channel for waiting in box.waiting()] == ["datadog", "datadog"]
    deliver(box, datadog)
    assert len(datadog.sent) == 2
    assert len(pagerduty.sent) == 1


def test_a_failure_is_told_and_tried_again_when_it_is_due(box):
    channel = Recorder(failures=[down()])
    box.put(notice(), [channel])
    (told,) = deliver(box, channel)
    assert (told.taken, told.text) == (False, "no connection")
    (waiting,) = box.waiting()
    assert (waiting.attempts, waiting.reason) == (1, "no connection")
    assert waiting.not_before == after(30)
    assert deliver(box, channel, at=29) == []
    (told,) = deliver(box, channel, at=30)
    assert told.taken
    assert box.waiting() == []


def test_what_waits_is_sent_as_soon_as_its_channel_takes_a_message_again(box):
    key_is_wrong = [refused() for _ in range(6)]
    channel, other = Recorder(failures=key_is_wrong), Recorder("slack", failures=[refused()] * 9)
    for model in ("pd_auto", "pd_cards", "pd_loans"):
        box.put(of(model), [channel, other])
    deliver(box, channel, other)
    box.put(of("pd_late"), [channel])
    deliver(box, channel, other, at=590)  # refused later than the others
    channel.failures.clear()
    deliver(box, channel, other, at=600)
    assert len(channel.sent) == 4
    assert {waiting.channel for waiting in box.waiting()} == {"slack"}


def test_a_message_that_is_refused_for_itself_does_not_bring_the_others_forward(box):
    channel = Recorder(failures=[refused(), None])
    box.put(of("pd_auto"), [channel])
    box.put(of("pd_cards"), [channel])
    deliver(box, channel)
    (waiting,) = box.waiting()
    assert (waiting.attempts, waiting.not_before) == (1, after(600))


def test_all_is_sent_at_once_but_what_the_other_side_named_a_time_for(box):
    channel = Recorder(failures=[refused()])
    box.put(notice(), [channel])
    deliver(box, channel)
    assert deliver(box, channel, at=1) == []
    (told,) = box.deliver([channel], seconds=30.0, now=after(1), at_once=True)
    assert told.taken
    busy = Recorder("slack", failures=[UndeliveredError("429", retry_after=60)])
    box.put(notice(), [busy])
    deliver(box, busy)
    assert box.deliver([busy], seconds=30.0, now=after(1), at_once=True) == []


@pytest.mark.parametrize(
    ("failure", "waits"),
    [
        (down, [30, 60, 120, 240, 480, 600, 600]),
        (refused, [600, 1200, 2400, 3600, 3600]),
        (lambda: UndeliveredError("429", retry_after=7), [7, 7, 7]),
        (lambda: UndeliveredError("429", retry_after=1e9), [3600, 3600]),
    ],
)
def test_the_next_try_is_later_and_later_or_when_the_other_side_says(box, failure, waits):
    channel = Recorder(failures=[failure() for _ in waits])
    box.put(notice(), [channel])
    now = 0.0
    for wait in waits:
        deliver(box, channel, at=now)
        assert box.waiting()[0].not_before == after(now + wait)
        now += wait
    deliver(box, channel, at=now)
    assert len(channel.sent) == 1


def test_a_later_notice_waits_for_the_one_before_it(box):
    channel = Recorder(failures=[refused()])
    for number, action in enumerate(["open", "update", "resolve"], start=1):
        box.put(notice(number, action), [channel])
    other = notice(incident="pd_cards.1/pipeline/1", family="pipeline")
    box.put(other, [channel])
    deliver(box, channel)
    # `pipeline` comes first, and is refused; the other incident is not held by it.
    assert channel.paths == [
        f"pd_cards.1/population/1/{n}" for n in ("0001-open", "0002-update", "0003-resolve")
    ]
    box.put(notice(2, "resolve", incident="pd_cards.1/pipeline/1"), [channel])
    deliver(box, channel, at=60)
    assert len(channel.sent) == 3
    deliver(box, channel, at=600)
    assert channel.paths[3:] == [
        f"pd_cards.1/pipeline/1/{n}" for n in ("0001-open", "0002-resolve")
    ]


def test_ten_notices_are_in_the_order_of_their_numbers(box):
    channel = Recorder()
    for number in range(12, 0, -1):
        box.put(notice(number, "update"), [channel])
    deliver(box, channel)
    assert [message.number for message in channel.sent] == list(range(1, 13))


def test_a_channel_that_is_down_is_tried_once_for_all_its_messages(box):
    pagerduty = Recorder(failures=[down()] * 60)
    datadog = Recorder("datadog")
    for number in range(60):
        box.put(of(f"m{number}"), [pagerduty, datadog])
    told = deliver(box, pagerduty, datadog, seconds=300)
    assert len(pagerduty.tried) == 1
    assert len(datadog.sent) == 60
    assert sum(not each.taken for each in told) == 1


def test_a_refused_message_does_not_keep_others_from_being_sent(box):
    channel = Recorder(failures=[refused()])
    for model in "abc":
        box.put(of(model), [channel])
    deliver(box, channel)
    assert len(channel.sent) == 2


def test_a_message_that_always_fails_does_not_starve_others(box):
    channel = Recorder(failures=[UndeliveredError("500")])
    for model in "abc":
        box.put(of(model), [channel])
    deliver(box, channel)
    deliver(box, channel, at=1)
    assert channel.paths == ["b.1/population/1/0001-open", "c.1/population/1/0001-open"]


def test_a_time_that_the_other_side_named_is_for_all_messages(box):
    channel = Recorder(failures=[UndeliveredError("429", retry_after=60)])
    for model in "abc":
        box.put(of(model), [channel])
    deliver(box, channel)
    deliver(box, channel, at=59)
    assert len(channel.tried) == 1
    deliver(box, channel, at=60)
    assert len(channel.sent) == 3


def test_a_fault_of_ours_is_told_without_its_text_and_stops_nothing(box):
    class Broken(Recorder):
        def send(self, message):
            raise KeyError("a secret")

    broken, datadog = Broken(), Recorder("datadog")
    box.put(notice(), [broken, datadog])
    told = {each.channel: each for each in deliver(box, broken, datadog)}
    assert "KeyError at test_outbox.py" in told["pagerduty"].text
    assert "secret" not in str(told)
    assert datadog.sent


def test_only_the_subject_that_was_asked_for(box):
    channel = Recorder()
    box.put(of("pd_cards"), [channel])
    box.put(of("pd_cards_2"), [channel])
    deliver(box, channel, key="pd_cards.1")
    assert channel.paths == ["pd_cards.1/population/1/0001-open"]
    assert [w.path for w in box.waiting("pd_cards_2.1")] == [
        "pagerduty/pd_cards_2.1/population/1/0001-open.json"
    ]
    assert box.waiting("pd_cards.1") == []


def test_nothing_is_begun_after_the_time_is_up(box):
    channel = Recorder()
    for model in "abc":
        box.put(of(model), [channel])
    assert deliver(box, channel, seconds=0) == []
    assert channel.tried == []
    assert len(box.waiting()) == 3


def test_a_file_that_cannot_be_read_is_told_and_keeps_nothing_else(any_lender):
    storage = any_lender.store.storage
    box = Outbox(storage)
    channel = Recorder()
    box.put(of("b"), [channel])
    bad = "outbox/pagerduty/a.1/population/1/0001-open.json"
    storage.write(bad, b'{"message": {"kind": "notice", "summ')
    told = deliver(box, channel)
    assert [each.taken for each in told] == [False, True]
    assert storage.url(bad) in told[0].text
    assert "cannot be read" in box.waiting()[0].reason
    assert storage.exists(bad)


def test_measurements_that_wait_are_joined_and_a_later_day_wins(box):
    down_once = Recorder("datadog", failures=[down()])
    box.put(measurements(DAY, psi=0.1), [down_once])
    deliver(box, down_once)
    later = measurements(
        DAY + dt.timedelta(days=1),
        gauges=[metrics.PSI.gauge(0.2), metrics.ROWS.gauge(500)],
        checks=[],
    )
    box.put(later, [down_once])
    box.put(measurements(DAY, gauges=[metrics.PSI.gauge(0.9)], checks=[]), [down_once])
    deliver(box, down_once, at=30)
    (sent,) = down_once.sent
    assert sent.day == later.day
    assert {gauge.metric.rpartition(".")[2]: gauge.value for gauge in sent.gauges} == {
        "psi": 0.2,
        "csi": 1.2,
        "rows": 500,
    }
    assert [check.status for check in sent.checks] == ["critical"]


def test_measurements_are_sent_again_but_not_those_of_a_day_before(box):
    channel = Recorder("datadog")
    for day in (DAY, DAY, DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=1)):
        box.put(measurements(day), [channel])
        deliver(box, channel)
    assert [message.day.day for message in channel.sent] == [3, 3, 4]


def test_idle_is_one_listing(any_lender, monkeypatch):
    storage = any_lender.store.storage
    box = Outbox(storage)
    channel = Recorder()
    box.put(notice(), [channel])
    deliver(box, channel)
    calls = []
    for name in ("list", "read", "write", "exists", "delete", "publish"):
        monkeypatch.setattr(storage, name, _counted(getattr(storage, name), name, calls))
    deliver(box, channel)
    assert calls == ["list"]


def _counted(function, name, calls):
    def call(*args, **kwargs):
        calls.append(name)
        return function(*args, **kwargs)

    return call


class Killed(BaseException):
    """What a kill looks like to the code: nothing after it runs."""


class KilledStorage(LocalStorage):
    """Dies at the n-th change, before it or after it; a dead process changes nothing any more."""

    def __init__(self, root, at, late):
        super().__init__(root)
        self.left, self.late = at, late
        self.dead = False

    def _change(self, change):
        if self.dead:
            raise Killed
        self.left -= 1
        if self.left:
            return change()
        self.dead = True
        if self.late:
            change()
        raise Killed

    def publish(self, local, path):
        return self._change(lambda: super(KilledStorage, self).publish(local, path))

    def delete(self, path):
        return self._change(lambda: super(KilledStorage, self).delete(path))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("at", range(1, 20))
def test_a_kill_at_any_write_leaves_it_resumable(tmp_path, monkeypatch, at, late):
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", KEY)
    messages = [notice(1, "open"), notice(2, "update"), notice(3, "resolve"), change()]
    root = str(tmp_path / "store")
    with PagerDutyReceiver() as receiver:
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", receiver.url)
        channel = PagerDuty()

        def work(storage):
            box = Outbox(storage)
            for message in messages:
                box.put(message, [channel])
            box.deliver([channel], seconds=30, now=NOW)

        try:
            work(KilledStorage(root, at, late))
        except Killed:
            # The killed process's lock ends only when its time is over.
            real = time.time
            monkeypatch.setattr(time, "time", lambda: real() + 100)
        work(LocalStorage(root))
        assert len(receiver.incidents) == 1
        assert receiver.incidents[0].resolved
        assert receiver.changes
    assert Outbox(LocalStorage(root)).waiting() == []
    assert len(LocalStorage(root).list("evidence/deliveries")) == 4


def test_what_was_recorded_and_not_yet_taken_away_is_not_sent_again(box, tmp_path):
    channel = Recorder()
    storage = LocalStorage(str(tmp_path))
    box.put(change(), [channel])
    (path,) = storage.list("outbox")
    content = storage.read(path)
    deliver(box, channel)
    storage.write(path, content)
    assert deliver(box, channel) == []
    assert len(channel.tried) == 1
    assert box.waiting() == []


def test_a_delivery_that_nobody_knows_of_is_made_again_and_pages_once(tmp_path, monkeypatch):
    box = Outbox(LocalStorage(str(tmp_path)))
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", KEY)
    with PagerDutyReceiver() as receiver:
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", receiver.url)
        receiver.fail(CUT_AFTER, CUT_AFTER)
        box.put(notice(), [PagerDuty()])
        for seconds in (0, 30, 90):
            box.deliver([PagerDuty()], seconds=30, now=after(seconds))
        assert len(receiver.incidents) == 1
        assert len(receiver.incidents[0].triggers) == 3
    assert box.waiting() == []


def _deliver_in_a_process(root, url, start):
    os.environ.update(PAGERDUTY_EVENTS_URL=url, PAGERDUTY_ROUTING_KEY=KEY)
    start.wait()
    for _ in range(3):
        Outbox(open_storage(root)).deliver([PagerDuty()], seconds=20, now=NOW)


def test_processes_that_deliver_at_once_open_each_incident_once(tmp_path):
    root = str(tmp_path / "store")
    box = Outbox(LocalStorage(root))
    for model in "abcdef":
        for number, action in enumerate(["open", "update", "resolve"], start=1):
            box.put(of(model, number, action), [PagerDuty()])
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Event()
    with PagerDutyReceiver() as receiver:
        arguments = (root, receiver.url, start)
        workers = [spawn.Process(target=_deliver_in_a_process, args=arguments) for _ in range(3)]
        for worker in workers:
            worker.start()
        start.set()
        for worker in workers:
            worker.join()
        assert all(worker.exitcode == 0 for worker in workers)
        assert len(receiver.incidents) == 6
        assert all(incident.resolved for incident in receiver.incidents)
        assert not receiver.dropped
        assert len(receiver.requests) == 18
    assert box.waiting() == []


class KillsItself(PagerDuty):
    """PagerDuty, for a process that dies between the sending and the recording."""

    def send(self, message):
        super().send(message)
        os.kill(os.getpid(), signal.SIGKILL)


def _die_delivering(root, url):
    os.environ.update(PAGERDUTY_EVENTS_URL=url, PAGERDUTY_ROUTING_KEY=KEY)
    Outbox(open_storage(root)).deliver([KillsItself()], seconds=20, now=NOW)


def test_a_killed_process_is_taken_over_from_at_once(tmp_path, monkeypatch):
    root = str(tmp_path / "store")
    box = Outbox(LocalStorage(root))
    for number, action in enumerate(["open", "update", "resolve"], start=1):
        box.put(notice(number, action), [PagerDuty()])
    spawn = multiprocessing.get_context("spawn")
    with PagerDutyReceiver() as receiver:
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", receiver.url)
        monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", KEY)
        worker = spawn.Process(target=_die_delivering, args=(root, receiver.url))
        worker.start()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        assert len(box.waiting()) == 3
        assert len(LocalStorage(root).list("turns")) == 1
        told = box.deliver([PagerDuty()], seconds=20, now=NOW)
        assert [each.taken for each in told] == [True] * 3
        assert len(receiver.incidents) == 1
        assert len(receiver.incidents[0].triggers) == 3
        assert receiver.incidents[0].resolved
    assert not LocalStorage(root).list("turns")


def test_a_turn_on_s3_is_one_process_s_alone(s3_lender):
    storage = s3_lender.store.storage
    box = Outbox(storage)
    channel = Recorder()
    inside, most = [], []
    lock = threading.Lock()

    class Watched(Recorder):
        def send(self, message):
            with lock:
                inside.append(message)
                most.append(len(inside))
            time.sleep(0.01)
            with lock:
                inside.pop()
            return super().send(message)

    channel = Watched()
    for number in range(1, 6):
        box.put(notice(number, "update"), [channel])
    threads = [threading.Thread(target=deliver, args=(box, channel)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deliver(box, channel)  # all may have given way at once
    assert max(most) == 1
    assert [message.number for message in channel.sent] == [1, 2, 3, 4, 5]


def test_a_lock_that_another_process_holds_is_waited_for_or_left(box, tmp_path):
    channel = Recorder()
    box.put(notice(), [channel])
    storage = LocalStorage(str(tmp_path))
    for name in ("0", "f" * 17):  # before and after any ticket
        ticket = f"turns/pd_cards.1/{name}-{time.time() + 100:.0f}-1-another-host"
        storage.write(ticket, b"")
        assert deliver(box, channel, seconds=0.5) == []
        storage.delete(ticket)
    storage.write(f"turns/pd_cards.1/0-{time.time() - 1:.0f}-1-another-host", b"")
    assert len(deliver(box, channel)) == 1
    assert not storage.list("turns")


FAILURES = st.sampled_from([None, None, down(), refused(), UndeliveredError("429", retry_after=45)])


@settings(max_examples=60, deadline=None)
@given(
    failures=st.lists(FAILURES, max_size=25),
    messages=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 4)), unique=True, max_size=10
    ),
)
def test_whatever_fails_all_arrive_once_and_in_order(tmp_path_factory, failures, messages):
    box = Outbox(LocalStorage(str(tmp_path_factory.mktemp("outbox"))))
    channel = Recorder(failures=failures)
    for model, number in messages:
        box.put(of(model, number, "update"), [channel])
    now = 0.0
    while box.waiting():
        deliver(box, channel, at=now)
        now += 30
        assert now < 40 * 3600
    sent = [(message.subject.model, message.number) for message in channel.sent]
    assert sorted(sent) == sorted(messages)
    for model in "abc":
        numbers = [number for name, number in sent if name == model]
        assert numbers == sorted(numbers)


@pytest.fixture
def no_channels_in_the_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("DD_", "DATADOG_", "PAGERDUTY_", "MONITORING_SLACK_")):
            monkeypatch.delenv(name)


def test_the_channels_are_those_that_the_environment_has(
    lender, monkeypatch, no_channels_in_the_environment
):
    def kinds():
        return [type(channel) for channel in channels_from_environment(lender.store)]

    assert kinds() == [AlertLog]
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY_CARDS", KEY)
    assert kinds() == [AlertLog, PagerDuty]
    for name in ("DD_API_KEY", "DD_AGENT_HOST", "DD_DOGSTATSD_URL"):
        monkeypatch.setenv(name, "x")
        assert kinds() == [AlertLog, PagerDuty, Datadog]
        monkeypatch.delenv(name)


def test_no_key_is_in_any_file(lender, monkeypatch, no_channels_in_the_environment):
    secrets = (KEY, "5ec7e75ec7e7")
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", secrets[0])
    monkeypatch.setenv("DD_API_KEY", secrets[1])
    box = Outbox(lender.store.storage)
    with PagerDutyReceiver() as pagerduty, DatadogReceiver() as datadog:
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", pagerduty.url)
        monkeypatch.setenv("DATADOG_HOST", datadog.url)
        channels = channels_from_environment(lender.store)
        echoes = [Answer(400, {"errors": [f"{secret} is not known"]}) for secret in secrets]
        for faults in (echoes, []):
            pagerduty.fail(*faults[:1])
            datadog.fail(*faults[1:])
            for message in (notice(), change(), measurements()):
                box.put(message, channels)
            told = box.deliver(channels, seconds=30, now=NOW)
            assert not any(secret in str(told) for secret in secrets)
            assert not any(secret in str(box.waiting()) for secret in secrets)
        pagerduty.refuse_connections()
        datadog.refuse_connections()
        box.deliver(channels, seconds=30, now=after(4000))
    files = lender.store.storage.list()
    assert any(path.startswith("outbox/") for path in files)
    assert any(path.startswith("evidence/") for path in files)
    for path in files:
        content = lender.store.storage.read(path).decode()
        assert not any(secret in content for secret in secrets), path


def test_no_key_is_in_dagster_s_configuration(monkeypatch):
    import dagster as dg

    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", KEY)
    monkeypatch.setenv("DD_API_KEY", KEY)

    @dg.asset
    def anything(pagerduty: PagerDuty, datadog: Datadog) -> None: ...

    resources = {"pagerduty": PagerDuty(), "datadog": Datadog()}
    job = dg.Definitions([anything], resources=resources).resolve_implicit_global_asset_job_def()
    with dg.instance_for_test() as instance:
        result = job.execute_in_process(instance=instance)
        dump = str(instance.get_run_by_id(result.run_id)) + str(result.all_events)
    assert KEY not in dump
    assert KEY not in str([resource.model_dump() for resource in resources.values()])


def test_the_grace_of_a_turn_outlives_the_longest_send():
    from resources import lock
    from resources.delivery import http_errors

    requests_in_a_send = 3  # series, and the two service checks
    assert requests_in_a_send * sum(http_errors.TIMEOUT) < lock.GRACE_SECONDS
