"""Outcomes: what became of the applicants of a cohort, joined to their scores.

A cohort is the rows of one day. A row in its outcome files means that the applicant was accepted; a
null outcome, that it is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.day_columns import day_columns
from resources.duckdb_session import database, quoted
from resources.keys import keys_as
from resources.outcomes import outcomes_of
from resources.scorers.base import SCORE

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from resources.outcomes import OutcomeKind
    from resources.storage import DayFiles

ROWS = 131_072
"""Rows of the pieces that are returned."""
MASKS = ((r"[\p{Ll}\p{Lm}\p{Lo}\p{Lt}\p{M}]", "a"), (r"\p{Lu}", "A"), (r"\p{N}", "9"))
"""What is shown for each kind of character of a key; a letter's case may be what is wrong."""
_TYPES: dict[OutcomeKind, str] = {"binary": "TINYINT", "continuous": "DOUBLE"}
"""Of outcomes in DuckDB."""
SHOWN_SHAPES = 3
SHOWN_LENGTH = 40


@dataclass(frozen=True, slots=True)
class CohortCounts:
    """How the outcome files and the scores of a cohort, or of a segment of it, fit together.

    Parameters
    ----------
    scored
        Rows of the day.
    accepted
        Applicants of the day that the outcome files have a row of.
    known
        Of them, those whose outcome counts: not null, not contradicted, with one score in range.
    bads
        Of the known, those that are bad; None where an outcome is a number.
    duplicates
        Rows that say again, or not at all, what another row of the applicant says; counted once.
    contradicting
        Accepted applicants with rows that disagree; left out.
    unmatched
        Keys of the outcome files that the day did not score, and rows without a key; None for a
        segment, as no segment is known of them.
    repeated
        Accepted applicants that the day scored more than once; left out.
    out_of_range
        Accepted applicants whose score is missing or not in the manifest's range; left out.
    """

    scored: int
    accepted: int
    known: int
    bads: int | None
    duplicates: int
    contradicting: int
    unmatched: int | None
    repeated: int
    out_of_range: int


@dataclass(frozen=True)
class Cohort:
    """The accepted applicants of a day, while the database that joined them is open.

    Parameters
    ----------
    counts
        Of all.
    by_segment
        Of each segment column, for every code that there can be.
    unmatched_keys
        What keys look like on both sides where some are unmatched, without showing any.
    """

    counts: CohortCounts
    by_segment: Mapping[str, tuple[CohortCounts, ...]]
    unmatched_keys: str | None
    _connection: duckdb.DuckDBPyConnection
    _kind: OutcomeKind

    def by_score(
        self,
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[Any], dict[str, NDArray[np.uint8]]]]:
        """Yield the accepted that have one score in range, ascending, a piece at a time.

        Yields
        ------
        scores : ndarray
            float64[N].
        outcomes : ndarray
            int8[N], 1 for a bad, 0 for a good, -1 where it is not known or contradicted; of
            numbers float64[N], NaN there.
        segments : dict
            uint8[N] by segment column, the code of each row's segment.
        """
        codes = "".join(f", {name}" for name in _code_columns(len(self.by_segment)))
        outcome = "coalesce(outcome, -1)::TINYINT AS outcome"
        if self._kind == "continuous":
            outcome = "outcome"
        rows = self._connection.sql(
            f"SELECT score, {outcome}{codes} FROM accepted WHERE usable ORDER BY score"
        )
        for piece in rows.to_arrow_reader(ROWS):
            scores, outcomes, *segments = (
                column.to_numpy(zero_copy_only=False) for column in piece.columns
            )
            yield scores, outcomes, dict(zip(self.by_segment, segments, strict=True))


@contextmanager
def joined(
    scores: Sequence[Path],
    key: str,
    files: DayFiles,
    outcome_key: str,
    column: str,
    lowest: float,
    highest: float,
    segments: Mapping[str, NDArray[np.uint8]] | None = None,
    kind: OutcomeKind = "binary",
) -> Iterator[Cohort]:
    """Join outcomes to scores by key. Memory is bounded, but for a byte a row and segment column.

    Parameters
    ----------
    scores
        Local Parquet files of the day's keys and scores, in order.
    key
        Its key column.
    files
        The day's outcome files.
    outcome_key, column
        Their key, and the outcome at one horizon.
    lowest, highest
        Range of the score.
    segments
        uint8[N] by segment column, the code of the segment of each row of the scores.
    kind
        What outcomes are.

    Yields
    ------
    Cohort
        Open inside the block only.

    Raises
    ------
    InputError
        If a file cannot be read, lacks a column, or holds other values than outcomes. Names file,
        column and what is allowed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    segments = segments or {}
    rows = sum(pq.read_metadata(file).num_rows for file in scores)
    if any(len(codes) != rows for codes in segments.values()):
        raise ValueError(f"the segments do not lie row by row beside the {rows} scores")
    names = _code_columns(len(segments))
    of_row = "".join(f", {name}" for name in names)
    none = "".join(f", NULL::UTINYINT AS {name}" for name in names)
    of_key = "".join(f", max({name}) AS {name}" for name in names)
    with database() as connection:
        read_outcomes(connection, scores, key, files, outcome_key, column, kind)
        beside = ""
        if segments:
            codes = dict(zip(names, segments.values(), strict=True))
            connection.register("codes", pa.table(codes))
            beside = "POSITIONAL JOIN codes"
        # Both sides in one aggregate: a join that also finds what is repeated, or only on one side.
        connection.execute(
            f"""
            CREATE TEMP TABLE found AS
            SELECT max(score) AS score, count(score_row) AS scored, count(told_row) AS told,
                   min(outcome) AS least, max(outcome) AS most{of_key}
            FROM (SELECT {quoted(key)} AS key, {SCORE} AS score, true AS score_row,
                         NULL::BOOLEAN AS told_row, NULL::{_TYPES[kind]} AS outcome{of_row}
                  FROM read_parquet(?) {beside}
                  UNION ALL
                  SELECT key, NULL, NULL, true, outcome{none} FROM told)
            WHERE key IS NOT NULL GROUP BY key
            """,
            [[str(file) for file in scores]],
        )
        connection.execute(
            f"""
            CREATE TEMP VIEW accepted AS
            SELECT *, least < most AS contradicting, scored > 1 AS repeated,
                   coalesce(score BETWEEN {lowest!r} AND {highest!r}, false) AS in_range,
                   scored = 1 AND in_range AS usable,
                   CASE WHEN usable AND least = most THEN least END AS outcome
            FROM found WHERE scored > 0 AND told > 0
            """
        )
        counts, by_segment = _counts(connection, rows, segments, kind)
        looks = _unmatched_keys(connection, scores, key) if counts.unmatched else None
        yield Cohort(counts, by_segment, looks, connection, kind)


def read_outcomes(
    connection: duckdb.DuckDBPyConnection,
    scores: Sequence[Path],
    key: str,
    files: DayFiles | None,
    outcome_key: str,
    column: str,
    kind: OutcomeKind = "binary",
) -> None:
    """Make the table ``told`` of a day's outcome files, its ``key`` as the scores have it.

    It has no row where there are no files. Parameters and errors are those of `joined`.
    """
    import pyarrow.parquet as pq

    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE told AS SELECT {quoted(key)} AS key, "
        f"NULL::{_TYPES[kind]} AS outcome FROM read_parquet(?) LIMIT 0",
        [[str(file) for file in scores]],
    )
    key_type = pq.read_schema(scores[0]).field(key).type
    for piece in _pieces(files, outcome_key, column, key_type, kind) if files else ():
        connection.register("piece", piece)
        connection.execute("INSERT INTO told SELECT * FROM piece")


def _counts(
    connection: duckdb.DuckDBPyConnection,
    rows: int,
    segments: Mapping[str, NDArray[np.uint8]],
    kind: OutcomeKind,
) -> tuple[CohortCounts, dict[str, tuple[CohortCounts, ...]]]:
    """Count the accepted, all and by segment, in one pass."""
    import numpy as np

    from monitoring_assets.statistics.drift.segments import MAX_VALUES

    names = _code_columns(len(segments))
    found = connection.execute(
        f"""
        SELECT {", ".join([*names, ""])} count(*), count(outcome), count(*) FILTER (outcome = 1),
               coalesce(sum(told - 1) FILTER (least IS NOT DISTINCT FROM most), 0)::BIGINT,
               count(*) FILTER (contradicting), count(*) FILTER (repeated),
               count(*) FILTER (NOT repeated AND NOT in_range)
        FROM accepted GROUP BY GROUPING SETS ({", ".join(["()", *(f"({name})" for name in names)])})
        """
    ).fetchall()
    # A grouping set has a code in its own column only, and the whole in none.
    accepted = {row[: len(names)]: row[len(names) :] for row in found}
    ((unscored,),) = connection.execute("SELECT count(*) FROM found WHERE scored = 0").fetchall()
    ((no_key,),) = connection.execute("SELECT count(*) FROM told WHERE key IS NULL").fetchall()

    def counts(scored: int, unmatched: int | None, *codes: int | None) -> CohortCounts:
        total, known, bads, duplicates, contradicting, repeated, out_of_range = accepted.get(
            codes, (0,) * 7
        )
        return CohortCounts(
            scored=scored,
            accepted=total,
            known=known,
            bads=bads if kind == "binary" else None,
            duplicates=duplicates,
            contradicting=contradicting,
            unmatched=unmatched,
            repeated=repeated,
            out_of_range=out_of_range,
        )

    nothing = [None] * len(names)
    return counts(rows, unscored + no_key, *nothing), {
        column: tuple(
            counts(int(scored), None, *nothing[:at], code, *nothing[at + 1 :])
            for code, scored in enumerate(np.bincount(codes, minlength=MAX_VALUES + 2))
        )
        for at, (column, codes) in enumerate(segments.items())
    }


def _unmatched_keys(connection: duckdb.DuckDBPyConnection, scores: Sequence[Path], key: str) -> str:
    """Say what unmatched keys look like, and the keys of scores without an outcome."""
    connection.execute(
        f"CREATE TEMP TABLE scored AS SELECT {quoted(key)} AS key FROM read_parquet(?)",
        [[str(file) for file in scores]],
    )
    unmatched, scored = (
        _shapes(connection, f"SELECT key FROM {one} ANTI JOIN {other} USING (key)")
        for one, other in (("told", "scored"), ("scored", "told"))
    )
    return (
        f"unmatched keys look like {unmatched}; those of scores without an outcome like {scored} "
        "(A and a for letters, 9 for digits)"
    )


def _shapes(connection: duckdb.DuckDBPyConnection, keys: str) -> str:
    """The most frequent shapes of keys, each letter and digit masked: a key may be a person's."""
    masked = "key::VARCHAR"
    for kind, mask in MASKS:
        masked = f"regexp_replace({masked}, '{kind}', '{mask}', 'g')"
    found = connection.execute(
        f"SELECT left({masked}, {SHOWN_LENGTH}) AS shape FROM ({keys}) "
        f"GROUP BY shape ORDER BY count(*) DESC, shape LIMIT {SHOWN_SHAPES}"
    ).fetchall()
    return ", ".join("null" if shape is None else f"'{shape}'" for (shape,) in found) or "none"


def _code_columns(number: int) -> list[str]:
    """Names of the columns that have the codes of segments."""
    return [f"segment_{at}" for at in range(number)]


def _pieces(
    files: DayFiles, key: str, column: str, key_type: pa.DataType, kind: OutcomeKind
) -> Iterator[pa.RecordBatch]:
    """Read the outcome files, piece by piece: the key as the scores have it, and the outcome."""
    import pyarrow as pa

    fields = [("outcome.key", key), ("outcome.column", column)]
    types = {column: "boolean" if kind == "binary" else "number"}
    for url, piece in day_columns(files, "outcomes", fields, types):
        yield pa.record_batch(
            {
                "key": keys_as(piece[key], key_type, f"{url}, column {key!r}"),
                "outcome": outcomes_of(piece[column], kind, f"{url}, column {column!r}"),
            }
        )
