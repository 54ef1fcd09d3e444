"""The scores that two versions gave to the same rows, joined by key to what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from monitoring_assets.performance.outcomes import read_outcomes
from resources.arrow_types import same_family
from resources.duckdb_session import quoted
from resources.errors import InputError
from resources.scorers.base import SCORE

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    from monitoring_assets.statistics.profiles.score_scale import ScoreScale
    from resources.manifest import Outcome
    from resources.storage import DayFiles

SIDES = ("first", "second")
PIECE = 131_072
"""Rows that are read at a time."""


class Side(NamedTuple):
    """A version's part in a comparison.

    Parameters
    ----------
    key
        Of the version.
    key_column
        Of its scores.
    lowest, highest
        Range of its score.
    direction
        1 if a high score is risky, -1 if it is safe.
    scale
        Of a score in points that is declared to stand for probabilities.
    """

    key: str
    key_column: str
    lowest: float
    highest: float
    direction: int
    scale: ScoreScale | None = None

    def predicted(self, turned: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what scores predict that have been turned so that a higher one is riskier."""
        return turned if self.scale is None else self.scale.probabilities(self.direction * turned)


@dataclass(frozen=True, slots=True)
class PairCounts:
    """How the scores of two versions, and the outcomes, fit together.

    Parameters
    ----------
    first, second
        Rows that each version scored.
    only_first, only_second
        Keys that one of them scored.
    repeated
        Keys of both that one of them scored more than once; left out.
    out_of_range
        Keys of both with a score that is missing or not in its manifest's range; left out.
    common
        Rows that are compared.
    accepted
        Of them, those that the outcome files have a row of.
    known, bads
        Of the accepted, those whose outcome counts, and the bads among them.
    """

    first: int = 0
    second: int = 0
    only_first: int = 0
    only_second: int = 0
    repeated: int = 0
    out_of_range: int = 0
    common: int = 0
    accepted: int = 0
    known: int = 0
    bads: int = 0

    def __add__(self, other: PairCounts) -> PairCounts:
        pairs = zip(astuple(self), astuple(other), strict=True)
        return PairCounts(*(mine + theirs for mine, theirs in pairs))


class PairedScores:
    """The common rows of two versions over some days, in a database that spills to disk.

    Scores are turned so that a higher one is riskier.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, first: Side, second: Side) -> None:
        self._connection, self._sides = connection, (first, second)
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE pairs "
            "(day DATE, first DOUBLE, second DOUBLE, outcome TINYINT)"
        )

    def add(
        self,
        day: dt.date,
        first: Sequence[Path],
        second: Sequence[Path],
        files: DayFiles | None,
        outcome: Outcome | None,
        horizon: int | None,
    ) -> PairCounts:
        """Add the rows of a day.

        Parameters
        ----------
        first, second
            Local Parquet files of the day's keys and scores.
        files
            The day's outcome files; None if its outcomes are not due.
        outcome, horizon
            How to read them; None where none are read.

        Returns
        -------
        PairCounts
            The outcomes of a day that is not mature, by `Outcome.min_share`, are not known.

        Raises
        ------
        InputError
            The keys of both are of different kinds, or `read_outcomes` refuses a file.
        """
        self._refuse_other_keys(first, second)
        key = self._sides[0].key_column
        outcome_key, column = key, ""
        if outcome is not None and horizon is not None:
            outcome_key, column = outcome.key or key, outcome.column_at(horizon)
        read_outcomes(self._connection, first, key, files, outcome_key, column)
        counts = self._find(first, second)
        is_mature = outcome is not None and 0 < counts.known >= outcome.min_share * counts.accepted
        if not is_mature:
            counts = replace(counts, known=0, bads=0)
        turned = ", ".join(
            f"{side.direction} * {name}" for name, side in zip(SIDES, self._sides, strict=True)
        )
        self._connection.execute(
            f"INSERT INTO pairs SELECT ?, {turned}, {'outcome' if is_mature else 'NULL'} "
            "FROM found WHERE usable",
            [day],
        )
        return counts

    def of_day(
        self, day: dt.date
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
        """Return the rows of a day: both scores, float64[N], and outcomes, int8[N], -1 unknown."""
        import numpy as np

        found = self._connection.execute(
            "SELECT first, second, coalesce(outcome, -1)::TINYINT AS outcome FROM pairs "
            "WHERE day = ?",
            [day],
        ).fetchnumpy()
        return (
            np.asarray(found["first"], np.float64),
            np.asarray(found["second"], np.float64),
            np.asarray(found["outcome"], np.int8),
        )

    def decided(self, cut_offs: tuple[float, float]) -> NDArray[np.int64]:
        """Return rows, known and bads, int64[3, 2, 2], by whether each is below its cut-off."""
        return self._counted(
            [f"({name} < {at!r})::INT" for name, at in zip(SIDES, cut_offs, strict=True)], (2, 2)
        )

    def in_bands(self, edges: tuple[Sequence[float], Sequence[float]]) -> NDArray[np.int64]:
        """Return rows, known and bads, int64[3, B, B], by the band of each score, low first.

        Parameters
        ----------
        edges
            Ascending, of either score: a band is ``low < score <= high``.
        """
        bands = [_band(name, of_side) for name, of_side in zip(SIDES, edges, strict=True)]
        return self._counted(bands, (len(edges[0]) + 1, len(edges[1]) + 1))

    def mean_by_band(self, name: str, edges: Sequence[float]) -> list[float | None]:
        """Return the mean prediction of the rows with an outcome, by band of one score."""
        import numpy as np

        side = self._sides[SIDES.index(name)]
        rows, sums = np.zeros((2, len(edges) + 1))
        known = self._connection.sql(f"SELECT {name} FROM pairs WHERE outcome IS NOT NULL")
        for piece in known.to_arrow_reader(PIECE):
            scores = piece.column(0).to_numpy(zero_copy_only=False)
            bands = np.searchsorted(edges, scores)
            rows += np.bincount(bands, minlength=len(rows))
            sums += np.bincount(bands, side.predicted(scores), len(rows))
        return [
            total / count if count else None
            for total, count in zip(sums.tolist(), rows.tolist(), strict=True)
        ]

    def at_ranks(self, name: str, ranks: Sequence[int]) -> list[float]:
        """Return the values of a score at ranks, from 1, in ascending order."""
        found = self._connection.execute(
            f"SELECT value, rank FROM (SELECT {name} AS value, row_number() OVER (ORDER BY {name}) "
            "AS rank FROM pairs) WHERE rank IN (SELECT unnest(?))",
            [list(ranks)],
        ).fetchall()
        by_rank = {rank: value for value, rank in found}
        return [by_rank[rank] for rank in ranks]

    def below(self, name: str, value: float) -> int:
        """Return how many rows have a score below a value."""
        ((rows,),) = self._connection.execute(
            f"SELECT count(*) FROM pairs WHERE {name} < ?", [value]
        ).fetchall()
        return int(rows)

    def _counted(self, by: Sequence[str], shape: tuple[int, int]) -> NDArray[np.int64]:
        import numpy as np

        counts = np.zeros((3, *shape), np.int64)
        for one, other, *found in self._connection.execute(
            f"SELECT {', '.join(by)}, count(*), count(outcome), count(*) FILTER (outcome = 1) "
            "FROM pairs GROUP BY ALL"
        ).fetchall():
            counts[:, one, other] = found
        return counts

    def _find(self, first: Sequence[Path], second: Sequence[Path]) -> PairCounts:
        """Put the keys of a day, with what both versions and the outcomes say, into ``found``."""
        one, other = self._sides
        in_range = " AND ".join(
            f"coalesce({name} BETWEEN {side.lowest!r} AND {side.highest!r}, false)"
            for name, side in zip(SIDES, self._sides, strict=True)
        )
        # All in one aggregate: a join that also finds what is repeated, or only on one side.
        self._connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE found AS
            SELECT *, first_rows > 0 AND second_rows > 0 AS in_both,
                   in_both AND (first_rows > 1 OR second_rows > 1) AS repeated,
                   in_both AND NOT repeated AND {in_range} AS usable,
                   CASE WHEN usable AND least = most THEN least END AS outcome
            FROM (
                SELECT max(first) AS first, count(first_row) AS first_rows,
                       max(second) AS second, count(second_row) AS second_rows,
                       count(told_row) AS told, min(outcome) AS least, max(outcome) AS most
                FROM (SELECT {quoted(one.key_column)} AS key, {SCORE} AS first, true AS first_row,
                             NULL::DOUBLE AS second, NULL::BOOLEAN AS second_row,
                             NULL::BOOLEAN AS told_row, NULL::TINYINT AS outcome
                      FROM read_parquet(?)
                      UNION ALL
                      SELECT {quoted(other.key_column)}, NULL, NULL, {SCORE}, true, NULL, NULL
                      FROM read_parquet(?)
                      UNION ALL
                      SELECT key, NULL, NULL, NULL, NULL, true, outcome FROM told)
                WHERE key IS NOT NULL GROUP BY key)
            """,
            [[str(file) for file in files] for files in (first, second)],
        )
        (counts,) = self._connection.execute(
            """
            SELECT sum(first_rows)::BIGINT, sum(second_rows)::BIGINT,
                   count(*) FILTER (first_rows > 0 AND second_rows = 0),
                   count(*) FILTER (second_rows > 0 AND first_rows = 0),
                   count(*) FILTER (repeated),
                   count(*) FILTER (in_both AND NOT repeated AND NOT usable),
                   count(*) FILTER (usable), count(*) FILTER (usable AND told > 0),
                   count(outcome), count(*) FILTER (outcome = 1)
            FROM found
            """
        ).fetchall()
        return PairCounts(*(count or 0 for count in counts))

    def _refuse_other_keys(self, first: Sequence[Path], second: Sequence[Path]) -> None:
        import pyarrow.parquet as pq

        found = [
            pq.read_schema(files[0]).field(side.key_column).type
            for files, side in zip((first, second), self._sides, strict=True)
        ]
        if not same_family(*found):
            said = (
                f"{side.key} has keys {side.key_column!r} of type {kind}"
                for side, kind in zip(self._sides, found, strict=True)
            )
            raise InputError(f"{', '.join(said)}: rows are matched by keys of one kind")


def _band(name: str, edges: Sequence[float]) -> str:
    """SQL for the band of a score, from 0."""
    return " + ".join(["0", *(f"({name} > {edge!r})::INT" for edge in edges)])
