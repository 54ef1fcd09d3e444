"""What goes over the rows of a day: one machine, or a cluster that runs the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitoring_assets.engines.base import Engine
    from resources.manifest import Manifest


def engine_of(manifest: Manifest) -> Engine:
    """The engine that a manifest names.

    Raises
    ------
    InputError
        If its package is not installed.
    """
    if manifest.engine == "spark":
        from monitoring_assets.engines.cluster import Cluster
        from monitoring_assets.engines.spark import Spark

        return Spark(Cluster.connected())
    from monitoring_assets.engines.one_machine import OneMachine

    return OneMachine()
