"""Shifts that people have accepted as a new normal, in the manifest or by a command."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict

from monitoring_assets.statistics.alerts.policy import AcceptedShift
from resources import layout

if TYPE_CHECKING:
    from resources.manifest import Manifest
    from resources.storage import Storage
    from resources.store import Store


class Acceptance(BaseModel):
    """An accepted shift, and when it was accepted."""

    model_config = ConfigDict(frozen=True)

    shift: AcceptedShift
    at: AwareDatetime


def record_acceptance(storage: Storage, key: str, shift: AcceptedShift) -> Acceptance:
    """Write an accepted shift down; decisions from now on take it into account."""
    acceptance = Acceptance(shift=shift, at=dt.datetime.now(dt.UTC))
    text = acceptance.model_dump_json(indent=2).encode()
    storage.write(layout.acceptance(key, acceptance.at), text)
    return acceptance


def read_acceptances(storage: Storage, key: str) -> list[Acceptance]:
    """Those that were written down of a version, in order."""
    paths = sorted(storage.list(layout.acceptances(key)))
    return [Acceptance.model_validate_json(storage.read(path)) for path in paths]


def accepted_shifts(store: Store, manifest: Manifest) -> tuple[AcceptedShift, ...]:
    """All of a version: its manifest's, then those that were written down."""
    written = [one.shift for one in read_acceptances(store.storage, manifest.key)]
    return (*manifest.alerts.accepted, *written)
