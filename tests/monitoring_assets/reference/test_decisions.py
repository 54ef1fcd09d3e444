"""Decisions of the reference, as its profile leaves them."""

import pytest

from monitoring_assets.reference.decisions import counts_of, read_reference_decisions
from monitoring_assets.reference.score_grid import read_grid
from resources.manifest import Decisions
from tests.conftest import rows
from tests.monitoring_assets.conftest import DECISIONS, KEY, with_decisions, with_outcomes


def test_the_sample_is_counted_in_bands_and_grid(decided):
    manifest = decided.store.landed(KEY).manifest
    found = read_reference_decisions(decided.store, manifest)
    frame = with_decisions(with_outcomes(rows(0, 3000), 1, 0.0), 77)
    assert found.totals["scored"] == 3000
    assert found.totals["approved"] == (frame["outcome_of_application"] == "A").sum()
    assert found.amounts["amount"].sum() == pytest.approx(frame["asked"].sum())
    assert len(found.bands) == 9
    assert {*read_grid(decided.store, KEY).bins.edges} <= {*found.cells}


def test_the_reference_is_none_without_the_section_or_the_columns(scored):
    manifest = scored.store.landed(KEY).manifest
    assert read_reference_decisions(scored.store, manifest) is None
    revised = manifest.model_copy(update={"decisions": Decisions(**DECISIONS)})
    assert read_reference_decisions(scored.store, revised) is None


def test_counts_of_another_decision_are_not_read(decided):
    table, notes = decided.store.read_table("reference_decisions", KEY)
    section = Decisions(**DECISIONS)
    assert counts_of(section, table, notes) is not None
    for change in ({"column": "final_decision"}, {"approved": ["A", "A2"]}):
        assert counts_of(Decisions(**DECISIONS | change), table, notes) is None
    assert counts_of(section, table[:0], notes) is None
