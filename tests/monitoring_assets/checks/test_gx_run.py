"""One run of Great Expectations: nothing passes by being lost, empty or broken."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from great_expectations.datasource.fluent.interfaces import Batch

from monitoring_assets.checks.batch_quality import (
    ExpectKeyToBeUnique,
    ExpectMissingShareToBeAtMost,
    ExpectNoInfiniteValues,
    ExpectRowCountToBeAtLeast,
)
from monitoring_assets.checks.csi import ExpectCharacteristicStabilityIndex
from monitoring_assets.checks.gx_run import run_expectations
from monitoring_assets.checks.profile_table import COLUMNS, EARLIER
from monitoring_assets.checks.psi import ExpectPopulationStabilityIndex
from monitoring_assets.checks.table_expectation import ProfileExpectation
from monitoring_assets.statistics.drift.drift import judge_counts
from monitoring_assets.statistics.drift.stability import StabilityIndex, stability_index
from monitoring_assets.statistics.drift.thresholds import Thresholds

BEFORE, NOW = [400, 300, 200, 90, 10, 0], [300, 300, 250, 120, 20, 10]
NO_WEEK = [0] * len(EARLIER)
SLOTS = ["interval", "interval", "interval", "interval", "infinite", "missing"]


def table(before=BEFORE, now=NOW, slots=SLOTS, error="", name="income"):
    """The counts of one characteristic as Great Expectations sees them."""
    rows = [
        (name, False, "double", "double", slot, f"bin {number}", then, count, *NO_WEEK, error)
        for number, (slot, then, count) in enumerate(zip(slots, before, now, strict=True))
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS, "error"])


def stability(name="income", warn=0.1, fail=0.25, level=1e-3, smoothing="jeffreys"):
    return ExpectCharacteristicStabilityIndex(
        characteristic=name, warn=warn, fail=fail, level=level, smoothing=smoothing, at_once=1.0
    )


def infinite(name="income"):
    return ExpectNoInfiniteValues(characteristic=name)


class ExpectWhatATestWants(ProfileExpectation):
    """Succeeds with a value of the test's choice, or raises."""

    answer: object = None

    def judge(self, counts):
        if isinstance(self.answer, str):
            raise RuntimeError(self.answer)
        return True, self.answer, {}


def test_nothing_to_expect_is_an_error():
    with pytest.raises(ValueError, match="no expectation to check"):
        run_expectations(table(), [])


def test_findings_come_in_the_order_of_the_expectations_whatever_failed():
    frame = pd.concat([table(name="b"), table(name="a", error="the column is missing")])
    wanted = [
        ("csi", stability("b")),
        ("batch_quality", infinite("a")),
        ("batch_quality", infinite("b")),
        ("csi", stability("a")),
        ("csi", stability("b", warn=1e-6, fail=2e-6)),
    ]
    findings = run_expectations(frame, wanted)
    assert [(f.check, f.characteristic) for f in findings] == [
        (check, expectation.characteristic) for check, expectation in wanted
    ]
    assert [f.status for f in findings] == ["ok", "error", "fail", "error", "fail"]
    assert [f.error for f in findings if f.error] == ["the column is missing"] * 2


def test_threads_judge_tables_of_their_own():
    tables = [table(now=[count, *NOW[1:]]) for count in range(300, 700, 10)]
    expected = [stability_index(np.array(BEFORE), one["current"].to_numpy()) for one in tables]

    def observed(one):
        (finding,) = run_expectations(one, [("csi", stability())])
        return finding.observed

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(observed, tables)) == expected


def test_a_result_that_is_lost_is_an_error(monkeypatch):
    validate = Batch.validate

    def losing(self, *args, **kwargs):
        outcome = validate(self, *args, **kwargs)
        outcome.results = outcome.results[1:]
        return outcome

    monkeypatch.setattr(Batch, "validate", losing)
    findings = run_expectations(table(), [("csi", stability()), ("csi", stability(warn=0.2))])
    assert sorted(f.success for f in findings) == [False, True]
    (lost,) = (f for f in findings if f.error)
    assert (lost.status, lost.error) == ("error", "Great Expectations gave no result")


def test_an_expectation_that_raises_is_an_error_with_the_reason_and_the_others_go_on():
    """Great Expectations keeps this exception flat."""
    findings = run_expectations(
        table(),
        [
            ("csi", ExpectWhatATestWants(characteristic="income", answer="no luck")),
            ("csi", stability()),
        ],
    )
    assert [f.status for f in findings] == ["error", "ok"]
    assert "no luck" in findings[0].error
    assert not findings[0].success


def test_a_metric_that_raises_is_an_error_of_every_expectation():
    """Great Expectations keeps this exception by the metric's name."""
    findings = run_expectations(
        table().drop(columns="characteristic"),
        [("csi", stability()), ("batch_quality", infinite())],
    )
    assert [f.status for f in findings] == ["error", "error"]
    assert all("characteristic" in f.error for f in findings)


@pytest.mark.parametrize("answer", [None, float("nan"), float("inf"), np.float64("nan")])
def test_a_success_without_a_value_is_an_error(answer):
    (finding,) = run_expectations(
        table(), [("csi", ExpectWhatATestWants(characteristic="income", answer=answer))]
    )
    assert not finding.success
    assert finding.observed is None
    assert "observed no value" in finding.error


@pytest.mark.parametrize("answer", [np.int64(3), np.float32(3), 3])
def test_findings_hold_pythons_own_types(answer):
    (finding,) = run_expectations(
        table(), [("csi", ExpectWhatATestWants(characteristic="income", answer=answer))]
    )
    assert type(finding.success) is bool
    assert type(finding.observed) is float


def test_a_characteristic_that_is_not_in_the_table_is_an_error():
    (finding,) = run_expectations(table(), [("csi", stability("age"))])
    assert (finding.status, finding.error) == ("error", "age is not in the profile table")


@pytest.mark.parametrize(("before", "now"), [(BEFORE, [0] * 6), ([0] * 6, NOW)])
def test_an_index_of_no_rows_is_an_error(before, now):
    (finding,) = run_expectations(table(before, now), [("csi", stability())])
    assert finding.status == "error"
    assert "rows" in finding.error


@pytest.mark.parametrize("smoothing", ["jeffreys", 1e-4])
@pytest.mark.parametrize(
    "kind", [ExpectCharacteristicStabilityIndex, ExpectPopulationStabilityIndex]
)
def test_the_index_is_that_of_the_statistics(kind, smoothing):
    expectation = kind(
        characteristic="income", warn=0.1, fail=0.25, level=0.01, smoothing=smoothing, at_once=1.0
    )
    (finding,) = run_expectations(table(), [("x", expectation)])
    counts = np.array(BEFORE), np.array(NOW)
    judged = judge_counts(*counts, Thresholds(level=0.01), StabilityIndex(smoothing))
    assert finding.observed == stability_index(*counts, smoothing=smoothing)
    assert finding.details == {
        "status": judged.status,
        "critical_value": judged.critical_value,
        "rows": 1000,
        "week": f"{judged.value:.2f} over 1 day, 1,000 rows: {judged.status}",
        "week_value": judged.value,
    }


def test_the_week_fails_a_day_that_has_too_few_rows_and_no_other():
    few, week = [7, 3, 3, 7, 0, 0], [70, 30, 30, 70, 0, 0]
    before = [250, 250, 250, 250, 0, 0]
    with_week = table(before, few).assign(**dict(zip(EARLIER, [week] * 2, strict=False)))
    (alone,) = run_expectations(table(before, few), [("csi", stability(warn=0.05))])
    assert (alone.success, alone.status) == (True, "insufficient evidence")
    (finding,) = run_expectations(with_week, [("csi", stability(fail=0.15))])
    assert (finding.success, finding.status) == (False, "insufficient evidence")
    assert finding.text == (
        "income: 0.1386 on 20 rows (insufficient evidence, critical value 0.8296); "
        "0.17 over 3 days, 420 rows: fail"
    )
    # What the rows of the day do say stays.
    ok = table(before, [5, 5, 5, 5, 0, 0]).assign(**dict(zip(EARLIER, [week] * 2, strict=False)))
    (finding,) = run_expectations(ok, [("csi", stability(fail=0.15))])
    assert (finding.success, finding.status) == (True, "ok")
    assert finding.details["week"].endswith(": fail")


@pytest.mark.parametrize(
    ("scale", "warn", "fail", "status", "success"),
    [
        (1, 0.1, 0.25, "ok", True),
        (1, 0.01, 0.25, "warn", False),
        (1, 0.01, 0.02, "fail", False),
        (0.02, 0.01, 0.25, "insufficient evidence", True),
        (0.02, 0.01, 0.02, "insufficient evidence", True),
    ],
)
def test_an_index_over_a_threshold_counts_unless_chance_explains_it(
    scale, warn, fail, status, success
):
    few = [round(count * scale) for count in NOW]
    (finding,) = run_expectations(table(now=few), [("csi", stability(warn=warn, fail=fail))])
    assert (finding.status, finding.success) == (status, success)


def test_infinite_values_are_counted_apart():
    (finding,) = run_expectations(table(), [("batch_quality", infinite())])
    assert (finding.observed, finding.success) == (20.0, False)
    (finding,) = run_expectations(table(now=[9, 0, 0, 0, 0, 1]), [("batch_quality", infinite())])
    assert finding.success


@pytest.mark.parametrize(
    ("before", "now", "limit", "increase", "success", "in_force"),
    [
        ((90, 10), (75, 25), None, 0.2, True, 0.3),
        ((90, 10), (65, 35), None, 0.2, False, 0.3),
        ((90, 10), (65, 35), 0.35, 0.0, True, 0.35),
        ((90, 10), (99, 1), 0.0, 0.5, False, 0.0),
        ((90, 10), (0, 100), 1.0, 1.0, False, 1.0),
        ((0, 100), (0, 100), None, 0.0, True, 1.0),
    ],
)
def test_missing_values_have_a_limit_and_may_never_be_all(
    before, now, limit, increase, success, in_force
):
    frame = table(before, now, ["interval", "missing"])
    expectation = ExpectMissingShareToBeAtMost(
        characteristic="income", limit=limit, increase=increase
    )
    (finding,) = run_expectations(frame, [("batch_quality", expectation)])
    assert finding.success == success
    assert finding.observed == now[1] / 100
    assert finding.details["limit"] == pytest.approx(in_force)


def test_missing_values_of_no_rows_are_an_error():
    expectation = ExpectMissingShareToBeAtMost(characteristic="income", limit=1.0, increase=1.0)
    (finding,) = run_expectations(table(now=[0] * 6), [("batch_quality", expectation)])
    assert finding.error == "the batch has no rows"


def test_rows_and_keys_are_counted():
    keys = pd.DataFrame(
        [("(key)", True, "", "", slot, slot, 0, count, *NO_WEEK, "") for slot, count in
         (("unique", 7), ("repeated", 2), ("missing", 1))],
        columns=[*COLUMNS, "error"],
    )  # fmt: skip
    count = [
        ExpectRowCountToBeAtLeast(characteristic="(key)", min_rows=limit) for limit in (10, 11)
    ]
    unique = ExpectKeyToBeUnique(characteristic="(key)")
    findings = run_expectations(keys, [("q", expectation) for expectation in [*count, unique]])
    assert [(f.success, f.observed) for f in findings] == [(True, 10), (False, 10), (False, 3)]
    assert findings[2].details == {"repeated": 2, "missing": 1}
