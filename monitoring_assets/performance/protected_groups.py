"""Protected groups of a day: counts of scores and outcomes by group. No row of them is kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitoring_assets.performance.outcomes import joined
from monitoring_assets.statistics.drift.segments import MAX_VALUES
from monitoring_assets.statistics.profiles.score_scale import ScoreScale, predicted
from monitoring_assets.statistics.validation.fairness import GroupCounts, Known
from resources.date_column import rows_of
from resources.day_columns import ROWS, day_columns
from resources.duckdb_session import database, quoted
from resources.errors import InputError
from resources.keys import keys_as
from resources.manifest import band_labels
from resources.scorers.base import SCORE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from resources.lake import Lake
    from resources.manifest import Fairness, Manifest, Outcome
    from resources.storage import DayFiles
    from resources.store import Store

ALLOWED = "text, whole numbers or booleans; numbers need fairness.bands"


@dataclass(frozen=True, eq=False)
class DayGroups:
    """Counts of a day by group.

    Parameters
    ----------
    scored
        All rows whose score is in range, by protected column and group.
    known
        Those whose outcome is known, by horizon, column and group.
    left_out
        Rows without a score in range.
    waiting
        Horizons that are not in ``known``, and why.
    """

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("column", pa.string()),
            ("group", pa.string()),
            ("horizon", pa.int32()),
            ("outcome", pa.int8()),
            ("score", pa.float64()),
            ("squares", pa.float64()),
            ("cells", pa.list_(pa.int64())),
            ("predicted", pa.float64()),
        ]
    )

    scored: dict[str, dict[str | None, GroupCounts]]
    known: dict[int, dict[str, dict[str | None, Known]]]
    left_out: int
    waiting: dict[int, str]

    def to_table(self) -> pa.Table:
        """One row for all scores of a group, and for its goods and bads after each horizon."""
        parts: list[tuple[str, str | None, int | None, int | None, GroupCounts]] = [
            (column, group, None, None, one)
            for column, groups in self.scored.items()
            for group, one in groups.items()
        ]
        parts += [
            (column, group, horizon, outcome, one)
            for horizon, columns in self.known.items()
            for column, groups in columns.items()
            for group, both in groups.items()
            for outcome, one in enumerate((both.goods, both.bads))
        ]
        rows = [
            (*of, one.score, one.squares, one.cells.tolist(), one.predicted) for *of, one in parts
        ]
        return pa.Table.from_pylist(
            [dict(zip(self.SCHEMA.names, row, strict=True)) for row in rows], self.SCHEMA
        )

    @classmethod
    def from_table(cls, table: pa.Table, left_out: int, waiting: Mapping[int, str]) -> DayGroups:
        """Read what `to_table` made."""
        scored: dict[str, dict[str | None, GroupCounts]] = {}
        parts: dict[tuple[int, str, str | None], dict[int, GroupCounts]] = {}
        for row in table.to_pylist():
            cells = np.array(row["cells"], np.int64)
            # Earlier releases had no scales: scores were what was predicted.
            predictions = row.get("predicted", row["score"])
            one = GroupCounts(cells, row["score"], row["squares"], predictions)
            column, group, horizon = row["column"], row["group"], row["horizon"]
            if horizon is None:
                scored.setdefault(column, {})[group] = one
            else:
                parts.setdefault((horizon, column, group), {})[row["outcome"]] = one
        known: dict[int, dict[str, dict[str | None, Known]]] = {}
        for (horizon, column, group), of in parts.items():
            known.setdefault(horizon, {}).setdefault(column, {})[group] = Known(of[0], of[1])
        return cls(scored, known, left_out, dict(waiting))


class _Sums:
    """Adds up rows by group and cell.

    Parameters
    ----------
    groups
        By code; None for rows of which it is not known.
    edges
        Of the cells.
    scale
        Of a score in points, if it is declared.
    """

    def __init__(
        self,
        groups: Sequence[str | None],
        edges: NDArray[np.float64],
        scale: ScoreScale | None,
    ) -> None:
        self._groups, self._edges, self._scale = groups, edges, scale
        self._cells = np.zeros((len(groups), len(edges) + 1), np.int64)
        self._sums = np.zeros((3, len(groups)))

    def add(self, codes: NDArray[np.uint8], scores: NDArray[np.float64]) -> None:
        flat = codes * np.int64(self._cells.shape[1]) + np.searchsorted(self._edges, scores)
        self._cells += np.bincount(flat, minlength=self._cells.size).reshape(self._cells.shape)
        summed = scores, scores**2, predicted(scores, self._scale)
        for sums, values in zip(self._sums, summed, strict=True):
            sums += np.bincount(codes, values, len(self._groups))

    def by_group(self) -> dict[str | None, GroupCounts]:
        return {
            group: GroupCounts(cells, *map(float, sums))
            for group, cells, sums in zip(self._groups, self._cells, self._sums.T, strict=True)
        }


def count_groups(
    store: Store,
    lake: Lake,
    manifest: Manifest,
    edges: NDArray[np.float64],
    day: dt.date,
    today: dt.date,
) -> DayGroups:
    """Join the protected columns of a day to its scores and outcomes, and count.

    Parameters
    ----------
    manifest
        With a section ``fairness``.
    edges
        Of the cells of the score.
    today
        Outcomes of horizons that end later are not read.

    Raises
    ------
    InputError
        If the scores or the protected columns are not there, or a column does not hold what it may.
        Shows no value.
    """
    assert manifest.fairness is not None
    lowest, highest = manifest.scoring.range
    # Says so if they are not there, before anything protected is read.
    store.parts("scores", manifest.key, day)
    with store.fetched_rows("scores", manifest.key, day) as local:
        with _protected_files(lake, manifest, day) as files:
            codes, groups = _codes(local, manifest.batch.key, manifest.fairness, files)
        scale = manifest.scoring.score_scale
        scored = {column: _Sums(names, edges, scale) for column, names in groups.items()}
        start = kept = 0
        pieces = (pq.ParquetFile(file).iter_batches(ROWS, columns=[SCORE]) for file in local)
        for piece in chain.from_iterable(pieces):
            scores = piece[SCORE].cast("double").to_numpy(zero_copy_only=False)
            usable = (scores >= lowest) & (scores <= highest)
            for column, sums in scored.items():
                sums.add(codes[column][start : start + len(scores)][usable], scores[usable])
            start, kept = start + len(scores), kept + int(usable.sum())
        known, waiting = {}, {}
        for horizon in manifest.maturities:
            assert manifest.outcome is not None
            due = day + dt.timedelta(days=horizon)
            if today < due:
                waiting[horizon] = f"due on {due}"
                continue
            try:
                known[horizon] = _known(
                    lake, manifest, manifest.outcome, horizon, day, local, codes, groups, edges
                )
            except InputError as error:
                waiting[horizon] = str(error)
    by_column = {column: sums.by_group() for column, sums in scored.items()}
    return DayGroups(by_column, known, start - kept, waiting)


def _known(
    lake: Lake,
    manifest: Manifest,
    outcome: Outcome,
    horizon: int,
    day: dt.date,
    scores: Sequence[Path],
    codes: Mapping[str, NDArray[np.uint8]],
    groups: Mapping[str, Sequence[str | None]],
    edges: NDArray[np.float64],
) -> dict[str, dict[str | None, Known]]:
    """Count goods and bads by group.

    Raises
    ------
    InputError
        If outcomes are not there, cannot be read, or too few are known.
    """
    key = manifest.batch.key
    scale = manifest.scoring.score_scale
    sums = {
        column: (_Sums(names, edges, scale), _Sums(names, edges, scale))
        for column, names in groups.items()
    }
    with joined(
        scores,
        key,
        lake.day_files(outcome.path, day),
        outcome.key or key,
        outcome.column_at(horizon),
        *manifest.scoring.range,
        codes,
    ) as cohort:
        counts = cohort.counts
        if not counts.accepted or counts.known < outcome.min_share * counts.accepted:
            raise InputError(
                f"{counts.known} of {counts.accepted} outcomes are known, fewer than "
                f"outcome.min_share, {outcome.min_share:g}"
            )
        for of_scores, outcomes, of_groups in cohort.by_score():
            for column, both in sums.items():
                for value, one in enumerate(both):
                    rows = outcomes == value
                    one.add(of_groups[column][rows], of_scores[rows])
    found = {}
    for column, (goods, bads) in sums.items():
        of_bads = bads.by_group()
        found[column] = {
            group: Known(one, of_bads[group]) for group, one in goods.by_group().items()
        }
    return found


@contextmanager
def _protected_files(lake: Lake, manifest: Manifest, day: dt.date) -> Iterator[DayFiles]:
    """The files that have the protected columns."""
    assert manifest.fairness is not None
    batch = manifest.batch
    if manifest.fairness.path is not None:
        yield lake.day_files(manifest.fairness.path, day)
        return
    files = lake.day_files(batch.path, day, batch.marker)
    if batch.date_column is None:
        yield files
        return
    with rows_of(files, batch.date_column, day) as rows:
        yield rows


def _codes(
    scores: Sequence[Path], key: str, fairness: Fairness, files: DayFiles
) -> tuple[dict[str, NDArray[np.uint8]], dict[str, list[str | None]]]:
    """The code of the group of each score, by protected column; and the groups by code.

    A row without a value, or with several, is of the last group, None.
    """
    columns = {f"group_{at}": name for at, name in enumerate(fairness.columns)}
    types = {key: "string"} | {
        name: "number" if name in fairness.bands else "string" for name in fairness.columns
    }
    fields = [("batch.key", key), *(("fairness.columns", name) for name in fairness.columns)]
    key_type = pq.read_schema(scores[0]).field(key).type
    where = f"protected columns {files.storage.url(files.paths[0])}"
    local = [str(file) for file in scores]
    with database() as connection:
        none = ", ".join(f"NULL::VARCHAR AS {one}" for one in columns)
        connection.execute(
            f"CREATE TEMP TABLE said AS SELECT {quoted(key)} AS key, {none} "
            "FROM read_parquet(?) LIMIT 0",
            [local],
        )
        for url, piece in day_columns(files, "protected columns", fields, types):
            named = {"key": keys_as(piece[key], key_type, f"{url}, column {key!r}")}
            for one, name in columns.items():
                of = f"{url}, column {name!r} (fairness.columns)"
                named[one] = _groups_of(piece[name], fairness.bands.get(name), of)
            connection.register("piece", pa.record_batch(named))
            connection.execute("INSERT INTO said SELECT * FROM piece")
        one_each = ", ".join(
            f"CASE WHEN min({one}) = max({one}) THEN min({one}) END AS {one}" for one in columns
        )
        connection.execute(
            f"""
            CREATE TEMP TABLE of_row AS
            SELECT file_index, file_row_number, told, {", ".join(columns)}
            FROM (SELECT file_index, file_row_number, {quoted(key)} AS key
                  FROM read_parquet(?, file_row_number = true))
            LEFT JOIN (SELECT key, true AS told, {one_each}
                       FROM said WHERE key IS NOT NULL GROUP BY key) USING (key)
            """,
            [local],
        )
        ((rows, told),) = connection.execute("SELECT count(*), count(told) FROM of_row").fetchall()
        if rows and not told:
            raise InputError(
                f"{where}, column {key!r} (batch.key): found none of the keys that were scored on "
                "the day; allowed: the keys of the scores, in the batch or in fairness.path"
            )
        groups: dict[str, list[str | None]] = {}
        places = []
        for one, name in columns.items():
            found = connection.execute(
                f"SELECT DISTINCT {one} FROM of_row WHERE {one} IS NOT NULL ORDER BY 1"
            ).fetchall()
            values = [value for (value,) in found]
            if len(values) > MAX_VALUES:
                raise InputError(
                    f"{where}, column {name!r} (fairness.columns): found {len(values)} values; "
                    f"allowed: at most {MAX_VALUES}, or numbers with fairness.bands"
                )
            groups[name] = [*values, None]
            places.append(
                f"coalesce(list_position(?, {one}) - 1, {len(values)})::UTINYINT AS {one}"
            )
        codes = connection.execute(
            f"SELECT {', '.join(places)} FROM of_row ORDER BY file_index, file_row_number",
            [names[:-1] for names in groups.values()],
        ).fetchnumpy()
    return {name: np.asarray(codes[one]) for one, name in columns.items()}, groups


def _groups_of(values: pa.Array, edges: Sequence[float] | None, where: str) -> pa.Array:
    """The group of each value, as text; null where there is none.

    Raises
    ------
    InputError
        If the column holds something else than it may. No value is shown: it is a person's.
    """
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    kind = values.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if pa.types.is_null(kind):
        return values.cast(pa.string())
    if edges is not None:
        if not is_number:
            raise InputError(f"{where}: found {kind}; allowed: numbers, as fairness.bands has it")
        numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        labels = pa.array(band_labels(list(edges)), pa.string())
        at = np.searchsorted(np.array(edges), numbers, side="right")
        return labels.take(pa.array(at, mask=np.isnan(numbers)))
    if pa.types.is_floating(kind):  # whole numbers, of which some are not known
        known = pc.if_else(pc.is_nan(values), None, values)
        try:
            return known.cast(pa.int64()).cast(pa.string())
        except pa.ArrowInvalid:
            raise InputError(f"{where}: found {kind} with fractions; allowed: {ALLOWED}") from None
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if is_text or pa.types.is_string_view(kind) or pa.types.is_boolean(kind) or is_number:
        return values.cast(pa.string())
    raise InputError(f"{where}: found {kind}; allowed: {ALLOWED}")
