"""Check ``additional_statistics``: statistics beside PSI and CSI."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from monitoring_assets.checks.additional_statistics import expectations
from monitoring_assets.checks.gx_run import run_expectations
from monitoring_assets.checks.profile_table import COLUMNS, EARLIER
from resources.manifest import Manifest

BEFORE = np.array([500, 300, 200])


def manifest_with(lender, **changes):
    return Manifest.model_validate(lender.manifest("pd_cards", "1", **changes))


@pytest.fixture
def manifest(lender):
    return manifest_with(lender, thresholds={"additional": {"jensen_shannon": {}}})


def table(now):
    """Counts of every characteristic and of the score: the same on the day, but for one."""
    rows = [
        (name, False, "", "", "interval", str(bin_), before, int(after), *[0] * len(EARLIER), "")
        for name, counts in now.items()
        for bin_, (before, after) in enumerate(zip(BEFORE, counts, strict=True))
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS, "error"])


def test_each_characteristic_and_the_score_is_judged_by_the_statistics_own_thresholds(manifest):
    moved = np.array([200, 300, 500])
    now = dict.fromkeys((*manifest.features.names, "score"), BEFORE) | {"score": moved}
    frame = table(now)
    found = run_expectations(
        frame, [("additional_statistics", one) for one in expectations(frame, manifest)]
    )
    assert [one.characteristic for one in found] == [*manifest.features.names, "score"]
    *others, score = found
    assert all(one.success and one.observed == 0 for one in others)
    assert not score.success
    assert score.status == "fail"
    assert score.observed == pytest.approx(jensenshannon(BEFORE, moved, base=2))
    assert score.text.startswith(f"score: JS {score.observed:.4g} (")


def test_a_column_without_rows_cannot_be_judged_and_says_so(manifest):
    now = dict.fromkeys((*manifest.features.names, "score"), BEFORE) | {"score": 0 * BEFORE}
    frame = table(now)
    found = run_expectations(
        frame, [("additional_statistics", one) for one in expectations(frame, manifest)]
    )
    assert found[-1].status == "error"
    assert found[-1].text == "score: the current has no rows"


def test_a_manifest_that_asks_for_none_has_nothing_to_judge(lender):
    assert list(expectations(table({}), manifest_with(lender))) == []
