"""Section ``checks``, and the registered checks over Great Expectations.

A check is one entry of ``CHECKS`` here and one module of its name in ``monitoring_assets.checks``,
which says what is expected. The entry stands here so that a manifest is validated, and the code
location loaded, without Great Expectations, which takes seconds to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from monitoring_assets.statistics.alerts.policy import Family
from resources.fields import ColumnName, Section, Share


@dataclass(frozen=True)
class CheckDefinition:
    """What is known of a check before it runs.

    Parameters
    ----------
    name
        That of the module in ``monitoring_assets.checks`` too.
    asset
        Name of the asset that is checked.
    family
        What a failed check counts as in the alerts.
    description
        For those who read the graph.
    blocks
        Whether its ERROR keeps a day from going further where the manifest does not say.
    index
        Name of the metadata that holds the largest index, if the check is of stability indices.
    needs
        Section of the manifest without which there is nothing to judge, with dots.
    """

    name: str
    asset: str
    family: Family
    description: str
    blocks: bool = False
    index: str | None = None
    needs: str | None = None


CHECKS = {
    check.name: check
    for check in (
        CheckDefinition(
            "batch_quality",
            asset="features",
            family="data quality",
            description="The batch has enough rows, the types of the manifest, no more missing "
            "values than allowed, no infinite ones, and a key that is unique.",
            blocks=True,
        ),
        CheckDefinition(
            "broken_columns",
            asset="features",
            family="data quality",
            description="No characteristic is constant, of another unit or offset, or spelled "
            "otherwise: nearly all values in one bin, or a category replaced by unseen values.",
        ),
        CheckDefinition(
            "csi",
            asset="features",
            family="characteristics",
            description="The characteristic stability index of every characteristic is under its "
            "thresholds, or no larger than chance alone makes it at this number of rows.",
            index="csi_max",
        ),
        CheckDefinition(
            "score_range",
            asset="scores",
            family="data quality",
            description="Every row has a score within the range that the manifest allows.",
            blocks=True,
        ),
        CheckDefinition(
            "psi",
            asset="scores",
            family="population",
            description="The population stability index of the score is under its thresholds, and "
            "so is that of each of its reasons, or no larger than chance alone makes it at this "
            "number of rows.",
            index="psi",
        ),
        CheckDefinition(
            "additional_statistics",
            asset="scores",
            family="characteristics",
            description="Each statistic of the manifest's thresholds.additional is under its "
            "thresholds, for the score and every characteristic, or chance explains it.",
            needs="thresholds.additional",
        ),
        CheckDefinition(
            "segments",
            asset="segment_report",
            family="data quality",
            description="No segment has an index at fail, beyond chance among all segments: WARN, "
            "as a segment never pages alone. ERROR if a segment column is missing or unreadable, "
            "or a segment has vanished while other values took its place.",
            needs="segments",
        ),
        CheckDefinition(
            "estimated_performance",
            asset="performance_report",
            family="performance",
            description="The estimated AUC is not under the reference's by more than the threshold "
            "and chance.",
        ),
        CheckDefinition(
            "realised_performance",
            asset="performance_report",
            family="performance",
            description="Enough of the cohort's outcomes are known; its AUC is not under the "
            "reference's nor under what was estimated for it, and its bads are as many as "
            "expected, but for the thresholds and for chance.",
        ),
        CheckDefinition(
            "unmatched_outcomes",
            asset="performance_report",
            family="data quality",
            description="No more keys in the outcome files than outcome.max_unmatched match no "
            "score of the day.",
            needs="outcome",
        ),
    )
}

if TYPE_CHECKING:
    CheckName = str
else:
    CheckName = Literal[tuple(CHECKS)]


class Checks(Section):
    """Limits of the batch quality check, and which failed checks stop what is downstream."""

    min_rows: int = Field(1, ge=1, le=1_000_000_000_000)
    max_missing_increase: Share = Field(
        0.2, description="How far a share of missing values may rise over the reference's."
    )
    max_missing: dict[ColumnName, Share] = Field(
        default_factory=dict,
        max_length=10_000,
        description="Largest missing share of single characteristics.",
    )
    max_in_one_bin: Share = Field(
        0.9,
        description="Share of a characteristic's values in one bin, over which it is broken if the "
        "reference has far fewer there; 1 for never.",
    )
    max_respelled: Share = Field(
        0.01,
        description="Share of the reference in categories that are gone while unseen values take "
        "their place, over which they are spelled otherwise; 1 for never.",
    )
    blocking: list[CheckName] = Field(
        [check.name for check in CHECKS.values() if check.blocks],
        max_length=len(CHECKS),
        description="Checks whose ERROR keeps the partition from going further.",
    )
