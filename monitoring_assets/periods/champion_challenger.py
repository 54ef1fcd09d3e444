"""Champion and challenger: two versions on the same rows and days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.performance.paired_scores import SIDES, PairCounts, PairedScores, Side
from monitoring_assets.reference.score_grid import direction_of
from monitoring_assets.statistics.drift.last_days import WEEK
from monitoring_assets.statistics.performance.intervals import Estimate, proportion
from monitoring_assets.statistics.profiles.score_scale import Direction
from monitoring_assets.statistics.validation.paired_auc import (
    POWER,
    AucComparison,
    PairedAuc,
    Wait,
    paired_auc,
    together,
    wait,
)
from monitoring_assets.statistics.validation.paired_loss import (
    LossSums,
    PairedLoss,
    brier_sums,
    log_loss_sums,
)
from monitoring_assets.statistics.validation.score_correlation import (
    ScoreCorrelation,
    mean_correlation,
    score_correlation,
)
from monitoring_assets.statistics.validation.swap_set import Cell, SwapSet, swap_set
from resources.duckdb_session import database
from resources.errors import InputError, NotArrivedError
from resources.lake import Lake
from resources.manifest import Manifest
from resources.scorers.base import UNKNOWN_DIRECTION
from resources.storage import DayFiles
from resources.store import Store

BANDS = 10
"""Bands of a score, of as many rows each as ties allow."""


@dataclass(frozen=True, slots=True)
class CalibrationBand:
    """A tenth of the rows by one version's score, the safest first.

    Parameters
    ----------
    safest, riskiest
        Ends of the band in units of the score, the riskiest in it; None at the outer ends.
    rows, known, bads
        Rows, those with an outcome, and the bads among them.
    expected
        Mean probability of those with an outcome; None without any, or in points that have no
        scale.
    bad_rate
        With Wilson's interval.
    """

    safest: float | None
    riskiest: float | None
    rows: int
    known: int
    bads: int
    expected: float | None
    bad_rate: Estimate


@dataclass(frozen=True, slots=True)
class ComparedVersion:
    """What is known of one of the two versions.

    Parameters
    ----------
    is_shadow
        Whether it never pages.
    is_probability
        Whether its score is a probability of bad, or declared to stand for one.
    is_direction_known
        Whether something says which way its score runs; if not, a higher one is taken for the
        riskier one.
    cut_off
        In units of its score.
    accepted
        Rows that it accepts.
    expected
        As that of a band, of all rows.
    bands
        By its own score.
    """

    key: str
    is_shadow: bool
    is_probability: bool
    is_direction_known: bool
    cut_off: float
    accepted: int
    expected: float | None
    bands: tuple[CalibrationBand, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions on the same rows and days; the champion is the first, the challenger the second.

    Parameters
    ----------
    horizon
        Days after which outcomes count; None if the champion names none.
    days, days_apart, days_known
        Days with scores of both, of only one, and with outcomes.
    counts
        Of all days.
    correlation
        Mean of the days', weighted by rows. Scores in points that are safe if high are turned.
    swap
        Decisions at the cut-offs.
    by_day
        Days that have an AUC.
    auc
        Of all of them.
    wait, rows_a_day
        How long the difference takes to show at the rows a day that the last days had.
    bad_rate
        Of the rows with an outcome, with Wilson's interval.
    brier, log_loss
        None of either if a score is in points that have no scale.
    grid
        Rows by the band of the champion's score and that of the challenger's.
    unknown
        Why there are no outcomes, in words; None if there are.
    """

    champion: ComparedVersion
    challenger: ComparedVersion
    first: dt.date
    last: dt.date
    horizon: int | None
    days: int
    days_apart: int
    days_known: int
    counts: PairCounts
    correlation: ScoreCorrelation
    swap: SwapSet
    by_day: dict[dt.date, PairedAuc]
    auc: AucComparison
    wait: Wait
    rows_a_day: float
    bad_rate: Estimate
    brier: PairedLoss
    log_loss: PairedLoss
    grid: tuple[tuple[int, ...], ...]
    unknown: str | None

    @property
    def decisions(self) -> tuple[tuple[str, Cell], ...]:
        """The rows by how both versions decide, and what that is called."""
        return (
            ("both accept", self.swap.both),
            (f"only {self.champion.key} accepts: swapped out", self.swap.swapped_out),
            (f"only {self.challenger.key} accepts: swapped in", self.swap.swapped_in),
            ("neither accepts", self.swap.neither),
        )

    def between(self, first: dt.date, last: dt.date) -> AucComparison:
        """The AUCs of some of the days."""
        of_days = (one for day, one in self.by_day.items() if first <= day <= last)
        return together(of_days, "no day has two goods and two bads")


@dataclass
class _Sums:
    """What is gathered day by day."""

    counts: dict[dt.date, PairCounts] = field(default_factory=dict)
    correlations: list[ScoreCorrelation] = field(default_factory=list)
    aucs: dict[dt.date, PairedAuc] = field(default_factory=dict)
    brier: LossSums = field(default_factory=LossSums)
    log_loss: LossSums = field(default_factory=LossSums)
    not_arrived: str | None = None


def compare_versions(
    store: Store,
    lake: Lake,
    champion: str,
    challenger: str,
    first: dt.date,
    last: dt.date,
    horizon: int | None,
    cut_off: float,
) -> Comparison:
    """Compare two versions on the rows that both have scored.

    Outcomes are those of the champion's manifest. The challenger's cut-off is the score at which it
    accepts as many of the rows as the champion does, so that their scales may differ.

    Parameters
    ----------
    horizon
        Days after which outcomes count; None for none.
    cut_off
        Score of the champion from which on, in the direction of risk, it refuses.

    Raises
    ------
    InputError
        No row is common, the cut-off accepts all or none, or an outcome file cannot be read.
    """
    manifests = store.landed(champion).manifest, store.landed(challenger).manifest
    for one in manifests:
        if one.outcome_kind == "continuous":
            raise InputError(
                f"{one.key} has numbers for outcomes (outcome.kind is continuous): versions are "
                "compared by goods and bads; see the `monitoring validate` of each"
            )
    directions = direction_of(store, manifests[0]), direction_of(store, manifests[1])
    sides = _side(manifests[0], directions[0]), _side(manifests[1], directions[1])
    both_probabilities = all(one.predicts_probability for one in manifests)
    of_side = [{*store.days("scores", one.key, first, last)} for one in sides]
    days = sorted(of_side[0] & of_side[1])
    between = f"{champion} and {challenger}, {first} to {last}"
    if not days:
        raise InputError(
            f"{between}: no day has scores of both; {champion} has {len(of_side[0])} such days, "
            f"{challenger} {len(of_side[1])}"
        )
    sums = _Sums()
    with database() as connection:
        rows = PairedScores(connection, *sides)
        for day in days:
            _add_day(store, lake, manifests[0], sides, day, horizon, rows, sums, both_probabilities)
        total = sum(sums.counts.values(), start=PairCounts())
        if not total.common:
            raise InputError(
                f"{between}: no common rows. {champion} scored {total.first:,} keys and "
                f"{challenger} {total.second:,} on {len(days)} days, and "
                f"{total.repeated + total.out_of_range:,} of both were repeated or out of range"
            )
        cut_offs = _cut_offs(rows, sides, cut_off, total.common)
        edges = [_edges(rows, name, total.common) for name in SIDES]
        decided = rows.decided(cut_offs)
        in_bands = rows.in_bands((edges[0], edges[1]))
        versions = [
            ComparedVersion(
                manifest.key,
                manifest.shadow,
                manifest.predicts_probability,
                direction is not None,
                side.direction * at,
                int(decided[0].sum(axis=1 - number)[1]),
                *_calibration(rows, manifest, side, name, of_side, in_bands.sum(axis=2 - number)),
            )
            for number, (manifest, direction, side, name, of_side, at) in enumerate(
                zip(manifests, directions, sides, SIDES, edges, cut_offs, strict=True)
            )
        ]
    after = "" if horizon is None else f" after {horizon} days"
    unknown = None
    if horizon is None:
        unknown = f"{champion} names no outcome in its manifest"
    elif not total.known:
        unknown = f"no day from {first} to {last} has mature outcomes{after}" + (
            f": {sums.not_arrived}" if sums.not_arrived else ""
        )
    auc = together(sums.aucs.values(), unknown or "no day has two goods and two bads")
    rows_a_day = _mean_rows(sums.counts, days[-WEEK:])
    of_compared = _mean_rows(sums.counts, sums.aucs)
    no_loss = unknown or "a score is in points, not a probability of bad"
    return Comparison(
        versions[0],
        versions[1],
        first,
        last,
        horizon,
        len(days),
        len(of_side[0] ^ of_side[1]),
        sum(one.known > 0 for one in sums.counts.values()),
        total,
        mean_correlation(sums.correlations),
        swap_set(*decided),
        sums.aucs,
        auc,
        wait(auc, rows_a_day / of_compared if of_compared else 0.0),
        rows_a_day,
        proportion(total.bads, total.known, unknown or ""),
        sums.brier.result(no_loss),
        sums.log_loss.result(no_loss),
        tuple(map(tuple, in_bands[0].tolist())),
        unknown,
    )


def _side(manifest: Manifest, direction: Direction | None) -> Side:
    key, scoring = manifest.key, manifest.scoring
    return Side(key, manifest.batch.key, *scoring.range, direction or 1, scoring.score_scale)


def _add_day(
    store: Store,
    lake: Lake,
    manifest: Manifest,
    sides: tuple[Side, Side],
    day: dt.date,
    horizon: int | None,
    rows: PairedScores,
    sums: _Sums,
    are_probabilities: bool,
) -> None:
    """Join the rows of a day, and add what follows from them."""
    files: DayFiles | None = None
    outcome = manifest.outcome
    is_due = (
        horizon is not None and day + dt.timedelta(days=horizon) <= dt.datetime.now(dt.UTC).date()
    )
    if outcome and is_due:
        try:
            files = lake.day_files(outcome.path, day)
        except NotArrivedError as error:
            sums.not_arrived = str(error)
    with (
        store.fetched_rows("scores", sides[0].key, day) as first,
        store.fetched_rows("scores", sides[1].key, day) as second,
    ):
        sums.counts[day] = rows.add(day, first, second, files, outcome, horizon)
    scores, others, outcomes = rows.of_day(day)
    if len(scores):
        sums.correlations.append(score_correlation(scores, others))
    is_known = outcomes >= 0
    known = scores[is_known], others[is_known], outcomes[is_known]
    found = paired_auc(*known)
    if found:
        sums.aucs[day] = found
    if are_probabilities:
        chances = sides[0].predicted(known[0]), sides[1].predicted(known[1])
        sums.brier += brier_sums(*chances, known[2])
        sums.log_loss += log_loss_sums(*chances, known[2])


def _cut_offs(
    rows: PairedScores, sides: tuple[Side, Side], cut_off: float, common: int
) -> tuple[float, float]:
    """Cut-offs of both, in the direction of risk, that accept as many rows."""
    first = sides[0].direction * cut_off
    accepted = rows.below(SIDES[0], first)
    if not 0 < accepted < common:
        lowest, highest = sorted(
            sides[0].direction * end for end in rows.at_ranks(SIDES[0], [1, common])
        )
        raise InputError(
            f"a cut-off of {cut_off:g} accepts {accepted:,} of {common:,} rows, so nothing can be "
            f"swapped: {sides[0].key} has scores from {lowest:.4g} to {highest:.4g}"
        )
    return first, rows.at_ranks(SIDES[1], [accepted + 1])[0]


def _edges(rows: PairedScores, name: str, common: int) -> list[float]:
    """Inner edges of the bands of a score."""
    ranks = [max(1, round(common * at / BANDS)) for at in range(1, BANDS + 1)]
    *found, highest = rows.at_ranks(name, ranks)
    return sorted({*found} - {highest})


def _calibration(
    rows: PairedScores,
    manifest: Manifest,
    side: Side,
    name: str,
    edges: list[float],
    counts: NDArray[np.int64],
) -> tuple[float | None, tuple[CalibrationBand, ...]]:
    """The mean probability of the rows with an outcome, and the bands of a version."""
    means = (
        rows.mean_by_band(name, edges)
        if manifest.predicts_probability
        else [None] * (len(edges) + 1)
    )
    ends = [None, *(side.direction * edge for edge in edges), None]
    bands = tuple(
        CalibrationBand(
            ends[at],
            ends[at + 1],
            rows_of_band,
            known,
            bads,
            mean,
            proportion(bads, known, "no outcome of these rows is known"),
        )
        for at, (mean, (rows_of_band, known, bads)) in enumerate(
            zip(means, counts.T.tolist(), strict=True)
        )
    )
    sums = [(one.known, one.expected) for one in bands if one.expected is not None]
    known = sum(count for count, _ in sums)
    expected = sum(count * mean for count, mean in sums) / known if known else None
    return expected, bands


def _mean_rows(counts: dict[dt.date, PairCounts], days: Iterable[dt.date]) -> float:
    common = [counts[day].common for day in days]
    return sum(common) / len(common) if common else 0.0


def in_words(found: Comparison) -> Iterator[str]:
    """What was compared, what was left out, and how long a difference takes, in sentences."""
    one, other, counts = found.champion.key, found.challenger.key, found.counts
    known = (
        f"; {counts.known:,} of them have a known outcome, on {found.days_known} days, and "
        f"{counts.bads:,} of these are bad"
    )
    yield f"{counts.common:,} common rows of {found.days} days{'' if found.unknown else known}."
    left_out = {
        f"scored by {one} only": counts.only_first,
        f"scored by {other} only": counts.only_second,
        "scored more than once": counts.repeated,
        "with a score out of range": counts.out_of_range,
    }
    said = [f"{number:,} {what}" for what, number in left_out.items() if number]
    if found.days_apart:
        said.append(f"{found.days_apart} days with scores of only one")
    if said:
        yield f"Left out: {', '.join(said)}."
    for version in (found.champion, found.challenger):
        if not version.is_direction_known:
            yield f"{version.key}: {UNKNOWN_DIRECTION}."
    if found.unknown:
        yield f"No outcome is known: {found.unknown}."
    if found.wait.days is not None and found.auc.difference.value is not None:
        yield (
            f"A true difference of {found.auc.difference.value:+.4f} in AUC is significant at 5 % "
            f"with a chance of {POWER:.0%} after {found.wait.days:,} days with outcomes, at "
            f"{found.rows_a_day:,.0f} common rows a day; there are {found.auc.days}."
        )
    if found.wait.smallest is not None:
        yield (f"The days that there are show one of {found.wait.smallest:.4f} with that chance.")
