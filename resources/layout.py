"""Every path of the store, built and read back: what lies where is said here and nowhere else.

Paths are relative to the store's root. `docs/store.md` shows each of them to people.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple

Dataset = Literal[
    "reference_profile",
    "reference_grid",
    "reference_segments",
    "reference_effects",
    "reference_decisions",
    "features",
    "features_profile",
    "scores",
    "scores_profile",
    "score_grid",
    "decisions",
    "drift_report",
    "segment_report",
    "performance_report",
    "alerts",
    "fairness",
]

ALL_MANIFESTS = "manifests/all.json"
"""Every version that has landed, in one object."""
VERDICTS = "manifests/verdicts.json"
"""What was found of each candidate version of the registry."""
ASKED_COHORTS = "cohorts/asked.json"
"""What the outcome sensor has asked for of each cohort that may still change."""
WAITING_BATCHES = "batches/waiting.json"
"""The days of each version whose batch the batch sensor waits for."""
PENDING = "telling"
"""Folder of the subjects whose ledger holds notices that may not be in the outbox yet."""
OUTBOX = "outbox"
"""Folder of the messages that wait."""
DELIVERIES = "evidence/deliveries"
"""Folder of what says that a channel has taken a message."""
PAGES = "pages"
"""Folder of the pages for people, with links from one to another."""
INDEX = "index.html"
FLEET_PAGE = f"{PAGES}/{INDEX}"
"""Page of all models."""
SUMMARIES = f"{PAGES}/latest"
"""Folder of what the page of all models shows of each version: few files, where pages are many."""
ALERT_LOG = "alert_log"
"""Folder of the messages that the alert log has taken."""


def partition(dataset: Dataset, key: str, day: dt.date | None = None) -> str:
    """File of a partition of a data set; without a day, of what a version has once."""
    date = f"date={day}/" if day else ""
    return f"{partitions(dataset, key)}/{date}{dataset}.parquet"


def part(dataset: Dataset, key: str, day: dt.date, number: int) -> str:
    """File of a part of a day's rows, where several machines have written them."""
    return f"{parts(dataset, key, day)}/{dataset}-{number:05d}.parquet"


def parts(dataset: Dataset, key: str, day: dt.date) -> str:
    """Folder of the parts of a day's rows."""
    return f"{partitions(dataset, key)}/date={day}"


def partitions(dataset: Dataset, key: str | None = None) -> str:
    """Folder of a data set, or of one version's part of it."""
    return dataset if key is None else f"{dataset}/model={key}"


def partition_key(path: str) -> str:
    """Key of the version that the file of a partition is of."""
    return path.split("/")[1].partition("=")[2]


def partition_day(path: str) -> dt.date:
    """Day that the file of a partition is of.

    Raises
    ------
    ValueError
        If it is of none.
    """
    return dt.date.fromisoformat(path.split("/")[-2].partition("=")[2])


def evidence(dataset: Dataset, key: str, day: dt.date | None, run_id: str) -> str:
    """File of one run's revision of a partition, kept for good."""
    return f"evidence/{dataset}/model={key}/date={day}/{run_id}.parquet"


def gathered(dataset: Dataset, key: str, quarter: str) -> str:
    """File of a version's reports of a quarter, such as ``2026-Q3``."""
    return f"gathered/{partitions(dataset, key)}/{quarter}.parquet"


def manifest(key: str) -> str:
    """File of a version that has landed."""
    return f"manifests/{key}.json"


def manifest_revision(key: str, sha256: str) -> str:
    """File of one revision of a version's manifest, kept for good."""
    return f"{manifest_revisions(key)}/{sha256}.json"


def manifest_revisions(key: str) -> str:
    """Folder of the revisions of a version's manifest."""
    return f"manifests/history/{key}"


def fault(key: str, day: dt.date, source: str) -> str:
    """File of what a source says is wrong with a day."""
    return f"{faults(key)}/date={day}/{source}.json"


def faults(key: str) -> str:
    """Folder of the faults of a version's days."""
    return f"faults/model={key}"


def fault_parts(path: str) -> tuple[dt.date, str]:
    """Day and source of the file of a fault."""
    *_, date, name = path.split("/")
    return dt.date.fromisoformat(date.partition("=")[2]), name.removesuffix(".json")


def acceptances(key: str) -> str:
    """Folder of the shifts of a version that people have accepted."""
    return f"acceptances/model={key}"


def acceptance(key: str, at: dt.datetime) -> str:
    """File of one accepted shift, kept for good."""
    return f"{acceptances(key)}/{_said_at(at)}.json"


def reviews(key: str) -> str:
    """Folder of what people have said of past days of a version."""
    return f"reviews/model={key}"


def review(key: str, at: dt.datetime) -> str:
    """File of one review, kept for good."""
    return f"{reviews(key)}/{_said_at(at)}.json"


def _said_at(at: dt.datetime) -> str:
    """Name that sorts by time."""
    return f"{at:%Y%m%dT%H%M%S%fZ}"


def pages(key: str) -> str:
    """Folder of the pages of a version."""
    return f"{PAGES}/{key}"


def page(key: str, day: dt.date) -> str:
    """Page of a day of a version."""
    return f"{pages(key)}/{day}.html"


def page_day(path: str) -> dt.date | None:
    """Day that a page of a version is of; None of the one over time."""
    name = path.rpartition("/")[2]
    return None if name == INDEX else dt.date.fromisoformat(name.removesuffix(".html"))


def model_page(key: str) -> str:
    """Page of a version over time."""
    return f"{pages(key)}/{INDEX}"


def months(key: str) -> str:
    """What the page of a version over time shows of its months, with what it was made from."""
    return f"{PAGES}/months/{key}.json"


def summary(key: str) -> str:
    """What the page of all models shows of a version."""
    return f"{SUMMARIES}/{key}.json"


def ledger(key: str) -> str:
    """File of what people know of a subject."""
    return f"incidents/{key}.json"


def pending(key: str) -> str:
    """Mark that the ledger of a subject holds notices that may not be in the outbox yet."""
    return f"{PENDING}/{key}"


def pending_key(path: str) -> str:
    """Key of the subject that a mark is of."""
    return path.rpartition("/")[2]


class Ticket(NamedTuple):
    """A process that waits for its turn or has it.

    Parameters
    ----------
    token
        Random, so that no two tickets are the same.
    until
        Time in seconds since 1970 after which it is void.
    pid, host
        The process.
    """

    token: str
    until: int
    pid: int
    host: str


def tickets(name: str) -> str:
    """Folder of the tickets of those who want the turn of a name."""
    return f"turns/{name}"


def ticket(name: str, of: Ticket) -> str:
    """File that shows a ticket."""
    return f"{tickets(name)}/{of.token}-{of.until}-{of.pid}-{of.host}"


def ticket_parts(path: str) -> Ticket:
    """Read the ticket that a file shows."""
    token, until, pid, host = path.rpartition("/")[2].split("-", 3)
    return Ticket(token, int(until), int(pid), host)


def incident(key: str, family: str, number: int) -> str:
    """Name of an incident; its notices lie below it."""
    return f"{key}/{family.replace(' ', '-')}/{number}"


def notice(incident: str, number: int, action: str) -> str:
    """Name of a notice of an incident: the same for the same decision, made again."""
    return f"{incident}/{number:04}-{action}"


def landed(key: str) -> str:
    """Name of the message that a version is monitored."""
    return f"{key}/landed"


def measurements(key: str) -> str:
    """Name of the measurements of a subject: a later day takes the place of one that waits."""
    return f"{key}/measurements"


def without_subject(name: str) -> str:
    """Read the name of an incident or a message without the key that it starts with."""
    return name.partition("/")[2]


class Parcel(NamedTuple):
    """A message on its way to a channel.

    Parameters
    ----------
    channel
        Name of the channel.
    name
        Of the message; it starts with the key of its subject.
    """

    channel: str
    name: str

    @property
    def subject(self) -> str:
        """Key of the message's subject."""
        return self.name.partition("/")[0]

    def __str__(self) -> str:
        """For people: where it lies, below ``outbox/`` or ``evidence/deliveries/``."""
        return f"{self.channel}/{self.name}.json"


def outbox(parcel: Parcel) -> str:
    """File of a message that waits for a channel."""
    return f"{OUTBOX}/{parcel}"


def outbox_of(channel: str, subject: str) -> str:
    """Folder of the messages of a subject that wait for a channel."""
    return f"{OUTBOX}/{channel}/{subject}"


def outbox_parts(path: str) -> Parcel:
    """Read which message it is that waits."""
    _, channel, name = path.split("/", 2)
    return Parcel(channel, name.removesuffix(".json"))


def delivery(parcel: Parcel) -> str:
    """File that says that a channel has taken a message, kept for good."""
    return f"{DELIVERIES}/{parcel}"


def delivery_parts(path: str) -> Parcel:
    """Read which message it is that was taken."""
    channel, name = path.removeprefix(f"{DELIVERIES}/").split("/", 1)
    return Parcel(channel, name.removesuffix(".json"))


def alert_log(day: dt.date, name: str) -> str:
    """File of a message that the alert log has taken."""
    return f"{ALERT_LOG}/{day}/{name}.json"


def exchange(key: str, day: dt.date | None, run_id: str, file: Literal["input", "output"]) -> str:
    """File by which a container is given rows, or gives scores; without a day, the reference's."""
    return f"exchange/{key}/{day or 'reference'}/{run_id}/{file}.parquet"


def alert_log_parts(path: str) -> tuple[dt.date, str]:
    """Day and name of a message that the alert log has taken."""
    _, day, name = path.split("/", 2)
    return dt.date.fromisoformat(day), name.removesuffix(".json")
