"""The outbox: messages on their way, in the store, until each channel has taken its copy.

A message is written to the outbox before anything is sent, and leaves it only after the evidence
says that it was taken. So a process that is killed anywhere leaves a message that is sent (again):
at least once. PagerDuty folds repeats by its dedup key, the alert log by its path. A Datadog event
or a Slack message may be there twice after a kill between its sending and its recording.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from resources import layout
from resources.delivery.channel import Channel, UndeliveredError, send
from resources.delivery.messages import Measurements, Message, Notice
from resources.layout import OUTBOX, Parcel
from resources.lock import lock
from resources.storage import Storage

# Seconds until the next try: the first, doubling each time, up to the last.
BACK_OFF = (30.0, 600.0)
BACK_OFF_REFUSED = (600.0, 3600.0)
LONGEST_WAIT = 3600.0
READERS = 16


class Failure(BaseModel):
    """Why a message was not taken the last time."""

    model_config = ConfigDict(frozen=True)

    attempts: int
    at: dt.datetime
    reason: str
    not_before: dt.datetime
    # The other side named a time: it is for all that we send there, not for this message alone.
    asked_to_wait: bool = False


class Envelope(BaseModel):
    """A message that waits for a channel."""

    model_config = ConfigDict(frozen=True)

    message: Message
    failure: Failure | None = None

    @property
    def queue(self) -> str:
        """Messages of one queue are sent in order."""
        return self.message.incident if isinstance(self.message, Notice) else self.message.path

    def is_due(self, now: dt.datetime, *, at_once: bool = False) -> bool:
        """Whether it may be tried; ``at_once`` before its time, unless the other side named it."""
        if self.failure is None or now >= self.failure.not_before:
            return True
        return at_once and not self.failure.asked_to_wait

    def after(self, error: UndeliveredError, now: dt.datetime) -> Envelope:
        """The same after one more failure."""
        attempts = self.failure.attempts + 1 if self.failure else 1
        first, last = BACK_OFF_REFUSED if error.refused else BACK_OFF
        wait = min(first * 2.0 ** min(attempts - 1, 10), last)
        if error.retry_after is not None:
            wait = min(error.retry_after, LONGEST_WAIT)
        failure = Failure(
            attempts=attempts,
            at=now,
            reason=error.reason,
            not_before=now + dt.timedelta(seconds=wait),
            asked_to_wait=error.retry_after is not None,
        )
        return Envelope(message=self.message, failure=failure)


class Evidence(BaseModel):
    """A message that was taken, kept for good."""

    model_config = ConfigDict(frozen=True)

    message: Message
    taken_at: dt.datetime
    attempts: int
    answer: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What still waits, and why.

    Parameters
    ----------
    channel, subject
        What it waits for, and the key of what it is about.
    path
        Where it lies: ``outbox/<path>``, below the store's root.
    attempts
        How often it was tried.
    reason
        Why it was not taken the last time; "" if it was not tried.
    not_before
        When it is due again; None for now.
    """

    channel: str
    subject: str
    path: str
    attempts: int
    reason: str
    not_before: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message in one call: taken, and the answer, or not, and the reason.

    ``message`` is None for a file that cannot be read, and ``attempts`` is for one that was taken.
    """

    channel: str
    path: str
    taken: bool
    text: str
    message: Message | None = None
    attempts: int = 0


class Outbox:
    """Messages that wait, by channel.

    Parameters
    ----------
    storage
        The store's files.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def put(self, message: Message, channels: Iterable[Channel]) -> None:
        """Let a message wait for each channel that takes it.

        What waits or was delivered already is not put again. Measurements are joined to those of
        the subject that still wait, gauge by gauge, the later day's winning; those of a day before
        one that was sent are dropped, because they would be shown as today's.
        """
        for channel in channels:
            if not channel.takes(message):
                continue
            parcel = Parcel(channel.name, message.path)
            if isinstance(message, Measurements):
                self._put_measurements(message, parcel)
            # In this order: a delivery writes its evidence before it takes the message away.
            elif not (
                self._storage.exists(layout.outbox(parcel))
                or self._storage.exists(layout.delivery(parcel))
            ):
                self._write(parcel, Envelope(message=message))

    def parcels(self, key: str | None = None) -> list[Parcel]:
        """Names of what waits, of one subject or of all, from one listing."""
        parcels = map(layout.outbox_parts, self._storage.list(OUTBOX))
        return [parcel for parcel in parcels if key is None or parcel.subject == key]

    def waiting(self, key: str | None = None) -> list[Waiting]:
        """What waits, of one subject or of all, in the order of its paths."""
        found = []
        for parcel, envelope in self._read_all(key):
            attempts, reason, not_before = 0, "", None
            if isinstance(envelope, ValidationError):
                reason = self._unreadable(parcel, envelope)
            else:
                if failure := envelope.failure:
                    attempts, reason = failure.attempts, failure.reason
                    not_before = failure.not_before
            found.append(
                Waiting(parcel.channel, parcel.subject, str(parcel), attempts, reason, not_before)
            )
        return found

    def deliver(
        self,
        channels: Sequence[Channel],
        *,
        key: str | None = None,
        seconds: float,
        now: dt.datetime,
        at_once: bool = False,
    ) -> list[Delivery]:
        """Send what is due.

        Once a channel takes what it had not taken before, what was wrong has been mended: then the
        rest that waits for it is due too.

        The notices of an incident go in order: one waits for those before it. After a failure that
        is not about the message (no connection, 429, 5xx) nothing more is sent to that channel in
        this call. A file that cannot be read is reported and keeps nothing else from being sent.
        What another process is delivering is left to it.

        Parameters
        ----------
        channels
            Those that are configured; what waits for others stays.
        key
            Only this subject's; None for all.
        seconds
            After these nothing more is begun.
        now
            The time, with its zone: what is due, and what is written down.
        at_once
            Whether all is due but what the other side named a time for.

        Returns
        -------
        list of Delivery
            One for each message that was tried, or could not be read.
        """
        deadline = time.monotonic() + seconds
        found = self._deliver_due(channels, key, deadline, now, at_once)
        mended = {one.channel for one in found if one.taken and one.attempts > 1}
        if mended and not at_once:
            again = [channel for channel in channels if channel.name in mended]
            found += self._deliver_due(again, key, deadline, now, at_once=True)
        return found

    def _deliver_due(
        self,
        channels: Sequence[Channel],
        key: str | None,
        deadline: float,
        now: dt.datetime,
        at_once: bool,
    ) -> list[Delivery]:
        by_name = {channel.name: channel for channel in channels}
        down: set[str] = set()
        due: dict[str, set[str]] = {}
        found: list[Delivery] = []
        for parcel, envelope in self._read_all(key):
            name = parcel.channel
            if name not in by_name:
                continue
            if isinstance(envelope, ValidationError):
                found.append(Delivery(name, str(parcel), False, self._unreadable(parcel, envelope)))
            elif envelope.is_due(now, at_once=at_once):
                due.setdefault(parcel.subject, set()).add(name)
            elif envelope.failure and envelope.failure.asked_to_wait:
                down.add(name)
        for subject, names in due.items():
            if time.monotonic() >= deadline:
                break
            if not names - down:
                continue
            with lock(self._storage, subject, deadline - time.monotonic()) as is_ours:
                for name in by_name:
                    if is_ours and name in names - down:
                        tried, is_up = self._deliver(by_name[name], subject, deadline, now, at_once)
                        found += tried
                        if not is_up:
                            down.add(name)
        return found

    def _deliver(
        self, channel: Channel, subject: str, deadline: float, now: dt.datetime, at_once: bool
    ) -> tuple[list[Delivery], bool]:
        """Send what is due of one subject to one channel; also whether it may be sent more."""
        found: list[Delivery] = []
        held: set[str] = set()
        # Listed and read again: another process may have sent some before the lock was ours.
        for file in self._storage.list(layout.outbox_of(channel.name, subject)):
            parcel = layout.outbox_parts(file)
            path = str(parcel)
            try:
                envelope = self._read(parcel)
            except ValidationError:
                continue  # `deliver` has told of it
            if envelope is None or envelope.queue in held:
                continue
            if not envelope.is_due(now, at_once=at_once):
                held.add(envelope.queue)
                continue
            if time.monotonic() >= deadline:
                break
            if self._is_recorded(parcel, envelope.message):  # killed before it was taken away
                self._storage.delete(layout.outbox(parcel))
                continue
            try:
                answer = send(channel, envelope.message)
            except UndeliveredError as error:
                found.append(Delivery(channel.name, path, False, error.reason, envelope.message))
                self._write(parcel, envelope.after(error, now))
                held.add(envelope.queue)
                if not error.refused:
                    return found, False
            else:
                attempts = envelope.failure.attempts + 1 if envelope.failure else 1
                found.append(Delivery(channel.name, path, True, answer, envelope.message, attempts))
                evidence = Evidence(
                    message=envelope.message, taken_at=now, attempts=attempts, answer=answer
                )
                self._storage.write(layout.delivery(parcel), _json(evidence))
                self._storage.delete(layout.outbox(parcel))
        return found, True

    def _put_measurements(self, message: Measurements, parcel: Parcel) -> None:
        try:
            waiting = self._read(parcel)
        except ValidationError:
            waiting = None  # replaced: what cannot be read is never sent
        if waiting and isinstance(waiting.message, Measurements):
            joined = _joined(waiting.message, message)
            self._write(parcel, Envelope(message=joined, failure=waiting.failure))
            return
        try:
            content = self._storage.read(layout.delivery(parcel))
            sent = Evidence.model_validate_json(content).message
        except (FileNotFoundError, ValidationError):
            sent = None
        if not (isinstance(sent, Measurements) and sent.day > message.day):
            self._write(parcel, Envelope(message=message))

    def _is_recorded(self, parcel: Parcel, message: Message) -> bool:
        # Measurements come again under the same path, and do no harm.
        if isinstance(message, Measurements):
            return False
        return self._storage.exists(layout.delivery(parcel))

    def _read_all(self, key: str | None) -> list[tuple[Parcel, Envelope | ValidationError]]:
        """What waits, or why it cannot be read."""

        def read(parcel: Parcel) -> Envelope | ValidationError | None:
            try:
                return self._read(parcel)
            except ValidationError as error:
                return error

        parcels = self.parcels(key)
        with ThreadPoolExecutor(READERS) as readers:
            envelopes = readers.map(read, parcels)
            found = zip(parcels, envelopes, strict=True)
            return [(parcel, envelope) for parcel, envelope in found if envelope is not None]

    def _read(self, parcel: Parcel) -> Envelope | None:
        """What waits; None if it was taken away since it was listed.

        Raises
        ------
        ValidationError
            If it cannot be read.
        """
        try:
            return Envelope.model_validate_json(self._storage.read(layout.outbox(parcel)))
        except FileNotFoundError:
            return None

    def _write(self, parcel: Parcel, envelope: Envelope) -> None:
        self._storage.write(layout.outbox(parcel), _json(envelope))

    def _unreadable(self, parcel: Parcel, error: ValidationError) -> str:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        url = self._storage.url(layout.outbox(parcel))
        return f"{url} cannot be read, at {where!r}: {first['msg']}; mend or delete it"


def _joined(waiting: Measurements, message: Measurements) -> Measurements:
    """Both, with the later day's value where both have one."""
    earlier, later = sorted((waiting, message), key=lambda each: each.day)
    gauges = {
        (gauge.metric, *sorted(gauge.tags.items())): gauge
        for gauge in (*earlier.gauges, *later.gauges)
    }
    checks = {check.check: check for check in (*earlier.checks, *later.checks)}
    return later.model_copy(
        update={"gauges": list(gauges.values()), "checks": list(checks.values())}
    )


def _json(content: BaseModel) -> bytes:
    return content.model_dump_json(indent=2).encode()
