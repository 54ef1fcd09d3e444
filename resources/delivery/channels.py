"""The channels of this deployment."""

from __future__ import annotations

import os

from resources.delivery.alert_log import AlertLog
from resources.delivery.channel import Channel
from resources.delivery.datadog import AGENT_VARIABLES, API_KEY, Datadog
from resources.delivery.pagerduty import KEY_VARIABLE, PagerDuty
from resources.store import Store


def channels_from_environment(store: Store) -> list[Channel]:
    """The channels of this deployment, from the environment.

    The alert log always; PagerDuty if any ``PAGERDUTY_ROUTING_KEY*`` is set; Datadog if there is
    an agent or ``DD_API_KEY``.
    """
    given = [name for name, value in os.environ.items() if value]
    channels: list[Channel] = [AlertLog(root=store.root)]
    if any(name.startswith(KEY_VARIABLE) for name in given):
        channels.append(PagerDuty())
    if any(name in given for name in (API_KEY, *AGENT_VARIABLES)):
        channels.append(Datadog())
    return channels
