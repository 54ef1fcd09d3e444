"""Section ``scoring.scale``: the probability of a bad that a score in points stands for."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from monitoring_assets.statistics.drift.thresholds import AtOddsError
from resources.fields import Number, Section

if TYPE_CHECKING:
    from monitoring_assets.statistics.profiles.score_scale import ScoreScale

FORMS = "either points, at_odds and pdo, or a table"


class CalibratedPoint(Section):
    """A row of a calibration table."""

    points: Number
    probability: float = Field(gt=0, lt=1, description="Of a bad, at these points.")


class Scale(Section):
    """The probability of a bad that a score in points stands for.

    By points to double the odds, or by a calibration table.
    """

    points: Number | None = Field(None, description="Score that has the odds `at_odds`.")
    at_odds: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        None, description="Goods to a bad at `points`: 30 for 30 to 1."
    )
    pdo: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        None, description="Points that double these odds: a higher score is safer."
    )
    table: list[CalibratedPoint] = Field(
        [],
        max_length=1000,
        description="Instead: ascending points with their probabilities, which rise or fall "
        "throughout, from the lowest score of `range` to the highest. Between two points the log "
        "odds are a straight line.",
        examples=[[{"points": 300, "probability": 0.4}, {"points": 850, "probability": 0.001}]],
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Scale:
        doubling = {"points": self.points, "at_odds": self.at_odds, "pdo": self.pdo}
        missing = [name for name, value in doubling.items() if value is None]
        if self.table:
            for name, value in doubling.items():
                if value is not None:
                    raise AtOddsError((name, value, FORMS))
        elif missing:
            raise AtOddsError((missing[0], "nothing", FORMS))
        return self

    @model_validator(mode="after")
    def _table_ascends(self) -> Scale:
        if not self.table:
            return self
        if len(self.table) < 2:
            raise AtOddsError(("table", "1 row", "two rows or more"))
        signs = set()
        for at, (one, other) in enumerate(pairwise(self.table), 1):
            if other.points <= one.points:
                allowed = f"points over those of the row before, {one.points:g}"
                raise AtOddsError((f"table.{at}.points", other.points, allowed))
            step = other.probability - one.probability
            signs |= {step > 0} if step else set()
            if len(signs) > 1:
                allowed = "probabilities that rise throughout, or fall throughout"
                raise AtOddsError((f"table.{at}.probability", other.probability, allowed))
        if not signs:
            raise AtOddsError(("table", "one probability", "probabilities that differ"))
        return self

    def over(self, score_range: tuple[float, float]) -> ScoreScale:
        """The scale of scores in a range."""
        from monitoring_assets.statistics.profiles.score_scale import ScoreScale

        if self.table:
            return ScoreScale.calibrated(
                [one.points for one in self.table], [one.probability for one in self.table]
            )
        assert self.points is not None
        assert self.at_odds is not None
        assert self.pdo is not None
        return ScoreScale.doubling(score_range, self.points, self.at_odds, self.pdo)
