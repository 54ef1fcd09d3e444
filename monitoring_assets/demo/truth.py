"""What really happened at the made-up lender, so that what was found can be held against it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

TRUTH_NAME = "truth.json"


@dataclass(frozen=True)
class Event:
    """Something that befell the applications of a model.

    Parameters
    ----------
    what
        The event, in a few words.
    began
        First day that is touched.
    ended
        Last day that is touched; None while it goes on.
    characteristics
        The characteristics whose distribution it changes; it leaves all others alone.
    """

    what: str
    began: dt.date
    ended: dt.date | None
    characteristics: tuple[str, ...]

    def touches(self, day: dt.date) -> bool:
        """Whether the batch of ``day`` shows the event."""
        return self.began <= day and (self.ended is None or day <= self.ended)


@dataclass(frozen=True)
class VersionTruth:
    """The truth about one model version; ``event`` is None for a healthy one.

    Parameters
    ----------
    key
        Partition key of the version, ``name.version``.
    deployed_at
        First day that is monitored.
    event
        What happened, if anything did.
    """

    key: str
    deployed_at: dt.date
    event: Event | None = None


@dataclass(frozen=True)
class Truth:
    """The truth about all model versions, and the parameters that made the lender.

    Parameters
    ----------
    end
        Last day with applications.
    days
        Number of days with applications.
    seed
        Seed of everything random.
    versions
        One entry for each model version, in the order of their keys.
    """

    end: dt.date
    days: int
    seed: int
    versions: tuple[VersionTruth, ...]

    @property
    def dates(self) -> list[dt.date]:
        """The days with applications, oldest first."""
        return [self.end - dt.timedelta(days=back) for back in reversed(range(self.days))]

    def of(self, key: str) -> VersionTruth:
        """The truth about one version; KeyError when there is no such version."""
        return {version.key: version for version in self.versions}[key]

    def write(self, home: Path) -> None:
        """Write the record to ``home``."""
        text = _RECORD.dump_json(self, indent=2).decode() + "\n"
        (home / TRUTH_NAME).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, home: Path) -> Truth | None:
        """Read the record of ``home``; None when no lender was built there."""
        path = home / TRUTH_NAME
        return _RECORD.validate_json(path.read_bytes()) if path.exists() else None


_RECORD = TypeAdapter(Truth)
