"""The index of other libraries, on the same bins, as ``peers/record.py`` recorded it."""

import json
from pathlib import Path

import numpy as np
import pytest

from monitoring_assets.statistics.drift.stability import stability_index
from monitoring_assets.statistics.profiles.profile import count, fit_bins
from tests.monitoring_assets.statistics.peers.data import tables

FIGURES = json.loads((Path(__file__).parents[1] / "peers" / "figures.json").read_text())
EVERY_BIN_HAS_ROWS = [
    (peer, column)
    for peer in FIGURES
    for column in ("full", "grade")
    if column in FIGURES[peer]["figures"]
]


@pytest.fixture(scope="session")
def counts(write):
    """Counts by column, from the product's own bins."""
    reference, current = (write(table) for table in tables())
    bins = fit_bins(reference)
    sides = [count(source, bins).columns for source in (reference, current)]
    return {name: [side[name].counts for side in sides] for name in bins}


@pytest.mark.parametrize(("peer", "column"), EVERY_BIN_HAS_ROWS)
def test_the_same_where_every_bin_has_rows(counts, peer, column):
    ours = stability_index(*counts[column], smoothing=1e-4)
    assert ours == pytest.approx(FIGURES[peer]["figures"][column], abs=1e-9, rel=0)


@pytest.mark.parametrize("peer", ["feature-engine", "polars-ds"])
@pytest.mark.parametrize("column", ["gap", "vanished"])
def test_the_same_where_a_share_of_0_becomes_1e_4(counts, peer, column):
    ours = stability_index(*counts[column], smoothing=1e-4)
    assert ours == pytest.approx(FIGURES[peer]["figures"][column], abs=1e-9, rel=0)


def test_scouter_adds_1e_10_to_every_share(counts):
    e, a = (side[:10] / side.sum() + 1e-10 for side in counts["gap"])
    theirs = FIGURES["scouter-ml"]["figures"]["gap"]
    assert ((a - e) * np.log(a / e)).sum() == pytest.approx(theirs, abs=1e-9, rel=0)
    assert stability_index(*counts["gap"], smoothing=1e-10) == pytest.approx(theirs, rel=1e-8)


def test_toad_leaves_out_bins_that_are_empty_on_a_side(counts):
    for column in ("gap", "vanished"):
        both = np.logical_and(*counts[column])
        e, a = (side[both] / side.sum() for side in counts[column])
        theirs = FIGURES["toad"]["figures"][column]
        assert ((a - e) * np.log(a / e)).sum() == pytest.approx(theirs, abs=1e-9, rel=0)
        assert stability_index(*counts[column], smoothing=1e-4) > 10 * theirs
