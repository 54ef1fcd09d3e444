"""What every check must do, over all that are registered: a new one is tested by its entry."""

import dataclasses
import inspect
from importlib import import_module

import dagster as dg
import numpy as np
import pytest
import yaml
from scipy.special import expit, logit

from monitoring_assets.checks.asset_checks import asset_checks
from monitoring_assets.checks.gx_run import run_expectations
from monitoring_assets.checks.tables import TABLES
from monitoring_assets.partitions import ModelDay
from monitoring_assets.statistics.drift.additional import ADDITIONAL
from resources.asset_keys import asset_name
from resources.manifest import CHECKS, parse_manifest
from resources.storage import open_storage
from tests.conftest import Lender, days_ago, definitions, job, onboard, rows, sigmoid_of_log_income
from tests.monitoring_assets.checks.test_asset_checks import run_checks

KEY = "pd_cards.1"
DAY = ModelDay(days_ago(40), KEY)
EARLIER = ModelDay(days_ago(41), KEY)
EVERY = [pytest.param(check, id=check.name) for check in CHECKS.values()]


def with_outcomes(frame, seed):
    chance = expit(logit(frame["score"]))
    return frame.assign(bad=(np.random.default_rng(seed).random(len(frame)) < chance).astype(int))


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A lender whose manifest leaves no check without a subject, and two days with outcomes."""
    folder = tmp_path_factory.mktemp("watched")
    lender = Lender(str(folder / "lender"), folder)
    with dg.DagsterInstance.ephemeral() as instance:
        lender.publish_manifest(
            "pd_cards",
            "1",
            reference={"path": "reference.parquet", "outcome": "bad"},
            outcome={"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 30},
            segments=["region"],
            thresholds={"additional": {name: {} for name in ADDITIONAL}},
            checks={"blocking": list(CHECKS)},
            deployed_at=days_ago(60).isoformat(),
        )
        registry = open_storage(lender.registry.root)
        lender.put(registry, "pd_cards/1/reference.parquet", with_outcomes(rows(0, 2000), 1))
        registry.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
        onboard(lender, instance)
        for seed, day in enumerate((EARLIER.day, DAY.day)):
            frame = with_outcomes(rows(seed, 2000), seed)
            lender.deliver(day, frame)
            outcomes = frame[["loan_id", "bad"]]
            lender.put(open_storage(lender.lake.root), f"outcomes/{day}.parquet", outcomes)
            for name in ("monitor_day", "measure_performance"):
                assert (
                    job(name, lender)
                    .execute_in_process(
                        instance=instance, partition_key=ModelDay(day, KEY).partition
                    )
                    .success
                )
        yield lender, instance


@pytest.fixture
def subject(request, watched):
    """The manifest, and the table that a check judges."""
    lender, _ = watched
    manifest = lender.store.landed(KEY).manifest
    return manifest, TABLES[request.getfixturevalue("check").asset](lender.store, DAY, manifest)


def expected(check, table, manifest):
    made = import_module(f"monitoring_assets.checks.{check.name}").expectations(table, manifest)
    return [(check.name, expectation) for expectation in made]


@pytest.mark.parametrize("check", EVERY)
def test_it_is_evaluated_once_for_each_selected_day(watched, check):
    found = run_checks(
        *watched, (check.asset, check.name), first=EARLIER.partition, last=DAY.partition
    )
    assert found.keys() == {(check.name, day.partition) for day in (EARLIER, DAY)}
    for evaluation in found.values():
        assert evaluation.blocking
        assert "error" not in evaluation.metadata
        assert evaluation.metadata["checked"].value > 0
        assert (check.index is None) == (check.index not in evaluation.metadata)


@pytest.mark.parametrize("check", EVERY)
def test_each_finding_has_a_number_and_words(subject, check):
    manifest, table = subject
    findings = run_expectations(table, expected(check, table, manifest))
    assert findings
    for finding in findings:
        assert finding.error is None
        assert type(finding.observed) is float
    unmet = [f for f in findings if f.success is False or "{text}" not in f.unmet]
    for finding in unmet:
        said = dataclasses.replace(finding, success=False).text
        assert said
        assert "{" not in said


@pytest.mark.parametrize("check", EVERY)
def test_a_table_that_lacks_the_subject_never_passes(subject, check):
    manifest, table = subject
    made = expected(check, table, manifest)
    column = "subject" if "subject" in table else "characteristic"
    other = table.head(1).assign(**{column: "(something else)"})
    findings = run_expectations(other, made)
    assert len(findings) == len(made)
    for finding in findings:
        assert not finding.success
        assert finding.characteristic in finding.error
        assert finding.text


@pytest.mark.parametrize("check", EVERY)
def test_an_exception_is_a_failed_error_with_its_reason(watched, monkeypatch, check):
    def broken(table, manifest):
        raise ArithmeticError("no sum")

    module = import_module(f"monitoring_assets.checks.{check.name}")
    monkeypatch.setattr(module, "expectations", broken)
    day = DAY.partition
    found = run_checks(*watched, (check.asset, check.name), first=day, last=day)
    ((at, evaluation),) = found.items()
    assert at == (check.name, day)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert evaluation.description == f"{day}: ArithmeticError: no sum"


@pytest.mark.parametrize("check", EVERY)
def test_a_manifest_may_name_it_as_blocking(lender, check):
    fields = lender.manifest("pd_cards", "1", checks={"blocking": [check.name]})
    assert parse_manifest(yaml.safe_dump(fields), "model.yaml").checks.blocking == [check.name]


@pytest.mark.parametrize("check", EVERY)
def test_it_is_documented(check):
    module = import_module(f"monitoring_assets.checks.{check.name}")
    assert module.__doc__.startswith(f"Check ``{check.name}``: ")
    assert inspect.getdoc(module.expectations)
    assert check.description.endswith(".")


def test_every_check_is_in_the_graph_of_its_asset(lender):
    graph = definitions(lender).get_repository_def().asset_graph
    known = {(asset_name(key.asset_key), key.name) for key in graph.asset_check_keys}
    assert {(check.asset, check.name) for check in CHECKS.values()} == known - {
        ("alerts", "delivered"),
        ("fleet_status", "last_days"),
    }
    assert len(asset_checks) == len(TABLES)
