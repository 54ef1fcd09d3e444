"""Fleet page sensor: the page of all models is made again when a day of one of them has changed."""

import datetime as dt
import hashlib
import json

import dagster as dg

from monitoring_assets.assets.fleet_status import record_fleet
from resources import layout
from resources.store import Store
from sensors.default_status import default_sensor_status

NAME = "fleet_page_sensor"


@dg.sensor(
    name=NAME,
    target=None,
    minimum_interval_seconds=300,
    default_status=default_sensor_status(),
    description="Writes the page of all models and records fleet_status when a page of one of "
    "them has changed, and once a day, as a model may have fallen silent.",
)
def fleet_page_sensor(context: dg.SensorEvaluationContext, store: Store) -> dg.SensorResult:
    """Compare what the page was made from with what is there now."""
    now = dt.datetime.now(dt.UTC)
    tags = {path: file.etag for path, file in store.storage.list(layout.SUMMARIES).items()}
    found = json.dumps([str(now.date()), sorted(tags.items()), sorted(store.all_landed())])
    made_from = hashlib.sha256(found.encode()).hexdigest()
    if context.cursor == made_from:
        return dg.SensorResult(skip_reason="no page of a model has changed", cursor=made_from)
    # Without a run: it would take seconds of CPU, and stand among those of the models.
    return dg.SensorResult(
        skip_reason=f"wrote {store.storage.url(layout.FLEET_PAGE)}",
        cursor=made_from,
        asset_events=record_fleet(store, now),
    )
