"""Delivery sensor: what a channel did not take is sent again."""

import datetime as dt

import dagster as dg

from monitoring_assets.checks.delivered import report_delivered, undelivered_days
from monitoring_assets.partitions import ModelDay
from resources.store import Store
from sensors.default_status import default_sensor_status

NAME = "delivery_sensor"
# What is left is sent by the next ticks.
DELIVERY_SECONDS = 8.0


@dg.sensor(
    name=NAME,
    minimum_interval_seconds=30,
    default_status=default_sensor_status(),
    description="Sends what waits in the outbox, and brings the check `delivered` up to date.",
)
def delivery_sensor(context: dg.SensorEvaluationContext, store: Store) -> dg.SkipReason:
    """Deliver what is due; of days that have nothing waiting any more the check then passes."""
    from monitoring_assets.alerting.ledger import finish_notices
    from resources.delivery.channels import channels_from_environment
    from resources.delivery.messages import Measurements, Notice
    from resources.delivery.metrics import DEPLOYMENT
    from resources.delivery.outbox import Outbox

    finish_notices(store)
    outbox = Outbox(store.storage)
    tried = outbox.deliver(
        channels_from_environment(store), seconds=DELIVERY_SECONDS, now=dt.datetime.now(dt.UTC)
    )
    for one in tried:
        if one.taken:
            context.log.info(f"{one.channel}: {one.path} {one.text}")
        else:
            context.log.warning(f"{one.channel}: {one.path} waits: {one.text}")
    days = {
        ModelDay(one.message.day, one.message.subject.key)
        for one in tried
        if one.taken
        and isinstance(one.message, Notice | Measurements)
        and one.message.subject.key != DEPLOYMENT
    }
    # A day fails for all that waits for its version, also for what another day's decision wrote.
    keys = {day.key for day in days}
    days |= (
        {day for day in undelivered_days(context.instance) if day.key in keys} if keys else set()
    )
    waiting = outbox.waiting() if days else []
    for day in sorted(days):
        still = [one for one in waiting if one.subject == day.key]
        report_delivered(context.instance, day, still)
    sent = sum(one.taken for one in tried)
    return dg.SkipReason(f"{sent} sent, {len(tried) - sent} wait" if tried else "nothing is due")
