"""The statistics that a manifest can ask for beside PSI and CSI.

A new one is a module with a subclass of `statistic.Statistic`, and a line in ``_ALL``.
"""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_assets.statistics.drift.jensen_shannon import JensenShannon
from monitoring_assets.statistics.drift.statistic import Statistic

_ALL: tuple[Statistic, ...] = (JensenShannon(),)

ADDITIONAL: Mapping[str, Statistic] = {statistic.name: statistic for statistic in _ALL}
