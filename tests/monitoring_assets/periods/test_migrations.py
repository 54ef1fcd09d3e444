"""Migrations of a period are those of its customers."""

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.periods.migrations import read_migrations
from monitoring_assets.reference.profile import read_reference
from resources.errors import InputError
from resources.store import NotMaterialisedError
from tests.monitoring_assets.conftest import KEY


def write(store, day, keys, scores):
    store.write_table("scores", KEY, day, pa.table({"loan_id": keys, "score": scores}), {})


def bands_of(store, scores):
    return np.searchsorted(read_reference(store, KEY).columns["score"].bins.edges, scores)


def test_counts_are_those_of_customers_on_both_days(scored, copy):
    rng = np.random.default_rng(8)
    before, after = rng.random(500), rng.random(500)
    keys = np.array([f"customer {n}" for n in range(500)])
    first, last = scored.days[0], scored.days[-1]
    write(copy, first, [*keys, "gone", "twice"], [*before, 0.5, 0.5])
    shuffled = rng.permutation(500)
    new = [*after[shuffled], 0.1, 0.2, 0.5, 0.6]
    write(copy, last, [*keys[shuffled], "new", "newer", "twice", "twice"], new)
    found = read_migrations(copy, KEY, first, last)
    bands = len(found.bands)
    expected = np.zeros((bands, bands), int)
    np.add.at(expected, (bands_of(copy, before), bands_of(copy, after)), 1)
    assert (found.counts == expected).all()
    assert (found.left, found.new, found.repeated, found.unscored) == (1, 2, 1, 0)


def test_customers_without_a_score_are_left_out_and_counted(scored, copy):
    first, last = scored.days[0], scored.days[-1]
    write(copy, first, ["a", "b", "c", "d"], [0.1, None, float("inf"), 0.9])
    write(copy, last, ["a", "b", "c", "d"], [0.2, 0.2, 0.3, float("nan")])
    found = read_migrations(copy, KEY, first, last)
    assert (found.counts.sum(), found.unscored) == (1, 3)


def test_other_customers_each_day_are_refused_in_words(scored):
    with pytest.raises(InputError, match=r"no customer was scored once .* \(800 on the first"):
        read_migrations(scored.store, KEY, scored.days[0], scored.days[-1])


def test_a_day_without_scores_is_named(scored, copy):
    copy.remove("scores", KEY, scored.days[-1])
    with pytest.raises(NotMaterialisedError, match=rf"scores of {scored.days[-1]}\|{KEY}"):
        read_migrations(copy, KEY, scored.days[0], scored.days[-1])
