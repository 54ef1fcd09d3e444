"""The graph is the job's: what changes there changes in the bundle, and nothing else has to."""

import dagster as dg
import pytest

from airflow_bridge.export.bundle import build_bundle
from airflow_bridge.export.graph import assets_of
from monitoring_assets.partitions import MODEL_DAYS, MODEL_VERSIONS
from resources.errors import InputError


def repository(*extra, retry=None, partitions=MODEL_DAYS, checks=True):
    """A job ``watch`` of assets: source -> first -> second, with a check on the second."""

    @dg.asset(partitions_def=MODEL_VERSIONS)
    def source():
        pass

    @dg.asset(deps=[source], partitions_def=MODEL_DAYS, retry_policy=retry, kinds={"parquet"})
    def first():
        """The first."""

    @dg.asset(deps=[first], partitions_def=partitions, code_version="7", group_name="late")
    def second():
        pass

    @dg.asset_check(asset=second)
    def is_right():
        return dg.AssetCheckResult(passed=True)

    assets = [first, second, *extra]
    job = dg.define_asset_job("watch", dg.AssetSelection.assets(*assets))
    definitions = dg.Definitions(
        assets=[source, *assets], asset_checks=[is_right] if checks else [], jobs=[job]
    )
    return definitions.get_repository_def().get_job("watch")


def test_each_asset_of_the_job_is_there_with_what_it_is_made_from():
    first, second = assets_of(repository())
    assert (first.name, first.upstream, first.waits_for) == ("first", [], ["source"])
    assert (second.name, second.upstream, second.waits_for) == ("second", ["first"], [])
    assert (first.checks, second.checks) == ([], ["is_right"])
    assert (first.description, first.kinds, second.code_version, second.group) == (
        "The first.",
        ["parquet"],
        "7",
        "late",
    )


def test_a_change_of_the_graph_is_a_change_of_the_bundle(settings):
    @dg.asset(deps=["second"], partitions_def=MODEL_DAYS)
    def third():
        pass

    before = build_bundle(repository(), [], settings).content()
    assert build_bundle(repository(), [], settings).content() == before
    assert [node.name for node in assets_of(repository(third))] == ["first", "second", "third"]
    assert build_bundle(repository(third), [], settings).content() != before
    assert build_bundle(repository(checks=False), [], settings).content() != before


def test_an_ops_retries_are_told():
    first, second = assets_of(repository(retry=dg.RetryPolicy(max_retries=5)))
    assert (first.retries, second.retries) == (5, None)


def test_an_asset_without_days_is_refused():
    with pytest.raises(InputError, match="watch: second: found partitions None; allowed: those of"):
        assets_of(repository(partitions=None))


def test_the_products_own_graph(job):
    nodes = {node.name: node for node in assets_of(job)}
    assert list(nodes)[:2] == ["features", "scores"]
    assert list(nodes)[-1] == "alerts"
    assert nodes["features"].waits_for == ["monitoring/reference_profile"]
    assert nodes["features"].key == "monitoring/features"
    assert nodes["scores"].upstream == ["features"]
    assert nodes["features"].checks == ["batch_quality", "broken_columns", "csi"]
    # The job leaves it out: on the day itself no outcome is known.
    assert nodes["performance_report"].checks == ["estimated_performance"]
