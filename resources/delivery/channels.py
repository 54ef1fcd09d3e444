"""All channels, and those of this deployment.

A new channel is a module with a class that has the methods of `resources.delivery.channel.Channel`,
and a line in `CHANNELS`.
"""

from __future__ import annotations

from collections.abc import Sequence

from resources.delivery.alert_log import AlertLog
from resources.delivery.channel import Channel
from resources.delivery.datadog import Datadog
from resources.delivery.pagerduty import PagerDuty
from resources.delivery.slack import Slack
from resources.store import Store

CHANNELS: Sequence[type[Channel]] = (
    AlertLog,
    PagerDuty,
    Datadog,
    Slack,
)


def channels_from_environment(store: Store) -> list[Channel]:
    """The channels that the environment configures, in the order of `CHANNELS`."""
    configured = (channel.from_environment(store) for channel in CHANNELS)
    return [channel for channel in configured if channel is not None]
