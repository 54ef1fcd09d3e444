"""Migrations of a version's customers from one day to another, from the rows that it has kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.reference.profile import read_reference
from monitoring_assets.reference.score_grid import direction_of
from monitoring_assets.statistics.profiles.bins import NumericBins, short_label
from monitoring_assets.statistics.profiles.kernel import slot_runs
from monitoring_assets.statistics.profiles.score_scale import Direction
from resources.duckdb_session import database, quoted
from resources.errors import InputError
from resources.scorers.base import SCORE
from resources.store import Store

ROWS = 131_072


@dataclass(frozen=True)
class Migrations:
    """The customers that were scored on both of two days.

    Parameters
    ----------
    bands
        Labels of the K bands of the score, which are the lender's grades where the manifest has
        them, in the order of scores.
    direction
        1 if a high score is risky, so that to migrate to one is a downgrade; -1 if it is safe;
        None if nothing says so.
    counts
        int64[K, K], customers by band before and after.
    left, new
        Customers that were scored on the first day alone, and on the second.
    repeated
        Customers that either day scored more than once; left out.
    unscored
        Customers without a finite score on either day; left out.
    """

    key: str
    before: dt.date
    after: dt.date
    bands: tuple[str, ...]
    direction: Direction | None
    counts: NDArray[np.int64]
    left: int
    new: int
    repeated: int
    unscored: int


def read_migrations(store: Store, key: str, before: dt.date, after: dt.date) -> Migrations:
    """Count the customers of two days by their bands.

    Raises
    ------
    NotMaterialisedError
        If a day has no scores, or they have been deleted.
    InputError
        If the score of the reference has no bands, or no customer was scored on both days.
    """
    score = read_reference(store, key).columns[SCORE]
    if not isinstance(score.bins, NumericBins):
        raise InputError(f"{key}: the score of the reference has no bands: {score.error}")
    slots = score.bins.slots
    matrix = np.zeros((len(slots), len(slots)), np.int64)
    manifest = store.landed(key).manifest
    customer = quoted(manifest.batch.key)
    for day in (before, after):
        store.parts("scores", key, day)  # says which is not there before either is read
    with (
        store.fetched_rows("scores", key, before) as first,
        store.fetched_rows("scores", key, after) as second,
        database() as connection,
    ):
        connection.execute(
            f"""
            CREATE TEMP TABLE customers AS
            SELECT count(*) FILTER (is_first) AS first, count(*) FILTER (NOT is_first) AS second,
                   max(score) FILTER (is_first) AS before, max(score) FILTER (NOT is_first) AS after
            FROM (SELECT {customer} AS key, {SCORE} AS score, true AS is_first FROM read_parquet(?)
                  UNION ALL
                  SELECT {customer}, {SCORE}, false FROM read_parquet(?))
            WHERE key IS NOT NULL GROUP BY key
            """,
            [[str(file) for file in files] for files in (first, second)],
        )
        counted = connection.execute(
            "SELECT count(*) FILTER (second = 0), count(*) FILTER (first = 0), "
            "count(*) FILTER (first > 0 AND second > 0 AND first + second > 2) FROM customers"
        ).fetchall()
        pairs = connection.sql("SELECT before, after FROM customers WHERE first = 1 AND second = 1")
        for piece in pairs.to_arrow_reader(ROWS):
            for (_, old), (_, new) in zip(
                *(slot_runs(column, score.bins) for column in piece.columns), strict=True
            ):
                pairs_of_slots = old.astype(np.intp) * len(slots) + new
                matrix += np.bincount(pairs_of_slots, minlength=matrix.size).reshape(matrix.shape)
    ((left, arrived, repeated),) = counted
    bands = len(score.bins.edges) + 1
    if not matrix.sum():
        raise InputError(
            f"{key}: no customer was scored once on {before} and once on {after} "
            f"({left:,} on the first alone, {arrived:,} on the second alone, {repeated:,} "
            "repeatedly); migrations are of scores whose key is the customer on both days"
        )
    return Migrations(
        key,
        before,
        after,
        tuple(short_label(slot.label, slot.kind) for slot in slots[:bands]),
        direction_of(store, manifest),
        matrix[:bands, :bands],
        left,
        arrived,
        repeated,
        int(matrix.sum() - matrix[:bands, :bands].sum()),
    )
