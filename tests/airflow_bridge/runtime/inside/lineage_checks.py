"""What Airflow's OpenLineage provider makes of the tasks."""

from __future__ import annotations

import pytest
from airflow.providers.openlineage.extractors import ExtractorManager, OperatorLineage
from environment import BUNDLES, manifest, runtime

OURS = "dagster://model-monitoring"
DAG_ID = "monitor_day.pd_cards.1"
READS = {
    "features": ["reference_profile"],
    "scores": ["features"],
    "drift_report": ["features", "scores"],
    "alerts": ["drift_report"],
}


def named(datasets):
    return [(one.namespace, one.name) for one in datasets]


@pytest.mark.parametrize("mode", ["dagster", "kubernetes"])
@pytest.mark.parametrize("moment", ["extract", "extract_on_complete", "extract_on_failure"])
def test_datasets_are_the_assets_of_the_graph(mode, moment):
    dag = runtime("dags").of_bundle(manifest(BUNDLES / mode))[DAG_ID]
    for task in dag.tasks:
        extractor = ExtractorManager()._get_extractor(task)
        if task.task_id not in READS:
            found = (
                getattr(extractor, moment)(*[None] * (moment != "extract")) if extractor else None
            )
            assert found is None or not (found.inputs or found.outputs)
            continue
        found = getattr(extractor, moment)(*[None] * (moment != "extract"))
        assert isinstance(found, OperatorLineage)
        assert named(found.inputs) == [(OURS, f"{name}/pd_cards.1") for name in READS[task.task_id]]
        assert named(found.outputs) == [(OURS, f"{task.task_id}/pd_cards.1")]


def test_an_environment_has_datasets_of_its_own():
    for name in ("production", "staging"):
        bundle = runtime("dags").of_bundle(manifest(BUNDLES / "environments" / name))
        lineage = bundle[f"{name}.{DAG_ID}"].get_task("scores").get_openlineage_facets_on_start()
        assert named(lineage.inputs) == [(OURS, f"{name}.features/pd_cards.1")]
        assert named(lineage.outputs) == [(OURS, f"{name}.scores/pd_cards.1")]
