"""What a task reads and makes: Airflow's assets, OpenLineage's datasets, and partitions of both.

Runs in Dagster give their datasets the same names, so that a lineage tool joins both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .day import day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAMESPACE = "dagster://model-monitoring"
OF_DAYS = "/days"
"""Ends the URI of an asset whose events have a day as partition key. It is another asset, as an
event that has a key starts no DAG that waits for the asset alone."""


def dataset_name(asset: str, key: str, prefix: str) -> str:
    """Name of an asset of a model version in an environment, by its `dag_id_prefix`."""
    return f"{prefix}{asset}/{key}"


class HasLineage:
    """A task that says of which day its assets are, and what they are as OpenLineage's datasets.

    Airflow's OpenLineage provider itself knows no dataset for an asset of our scheme.
    """

    inlets: Iterable[Any]
    outlets: Iterable[Any]
    model: Mapping[str, Any]

    def post_execute(self, context: Any, result: Any = None) -> None:
        """Give the day to events of assets that are partitioned."""
        super().post_execute(context, result)  # type: ignore[misc]
        for asset in self.outlets:
            if asset.uri.endswith(OF_DAYS):
                day = day_of(context, self.model["timezone"])
                context["outlet_events"][asset].add_partitions(str(day))

    def get_openlineage_facets_on_start(self) -> Any:
        """What the provider asks for when a task begins or has failed."""
        # Only where the provider asks: it need not be installed.
        from airflow.providers.common.compat.openlineage.facet import Dataset
        from airflow.providers.openlineage.extractors import OperatorLineage

        def datasets(assets: Iterable[Any]) -> list[Any]:
            return [
                Dataset(namespace=NAMESPACE, name=asset.uri.removeprefix(f"{NAMESPACE}/"))
                for asset in assets
                if not asset.uri.endswith(OF_DAYS)
            ]

        return OperatorLineage(inputs=datasets(self.inlets), outputs=datasets(self.outlets))

    def get_openlineage_facets_on_complete(self, _: Any) -> Any:
        """What the provider asks for when a task is done."""
        return self.get_openlineage_facets_on_start()
