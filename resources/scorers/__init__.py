"""Scorers: how a model's scores are obtained, one flavour a module.

A flavour is a section of the manifest with a method `Scorer.run`, which reads the features of a
partition and writes a Parquet file of (key, score) whose rows and row groups are those of the
features. No flavour loads a pickle.

The manifest has these classes as its section ``scoring``, so importing them must load nothing
heavy: a module imports pyarrow, a runtime and the like inside its functions.
"""

from typing import Annotated, get_args

from pydantic import Field

from resources.scorers.base import Scorer
from resources.scorers.command import CommandScoring
from resources.scorers.image import ImageScoring
from resources.scorers.onnx import OnnxScoring
from resources.scorers.scored import ScoredScoring

__all__ = ["SCORERS", "Scoring"]

_Flavours = OnnxScoring | CommandScoring | ImageScoring | ScoredScoring
SCORERS: dict[str, type[Scorer]] = {
    get_args(one.model_fields["flavour"].annotation)[0]: one for one in get_args(_Flavours)
}
"""Every flavour by its name."""
Scoring = Annotated[_Flavours, Field(discriminator="flavour")]
