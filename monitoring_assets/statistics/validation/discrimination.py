"""Discrimination since development: whether the AUC has fallen."""

from __future__ import annotations

import math
from dataclasses import replace

from scipy.special import ndtr

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.validation.outcome import ECB, TestOutcome

AUC_ECB = TestOutcome(
    "AUC against development, as the ECB has it",
    "the AUC is at least that of development, which is taken for known",
    ECB.format("2.5.4.1"),
)
AUC_TWO_SAMPLES = TestOutcome(
    "AUC against development, as two samples",
    "the AUC is at least that of development, itself an estimate",
    "as above, with the variance of the development sample added",
)


def auc_fall(now: Estimate, development: Estimate) -> tuple[TestOutcome, TestOutcome]:
    """Test whether the AUC has fallen since development, in two one-sided forms.

    The ECB takes the AUC of development for a known number. Where that sample is as large as the
    current one, this rejects an unchanged model in about 12 % of cases at a level of 5 %, as
    ``Phi(-1.645 / sqrt(2))`` says; with the variance of both the level holds.

    Parameters
    ----------
    now, development
        With standard errors.

    Returns
    -------
    ecb, two_samples : TestOutcome
        The statistic is the fall over its standard error, normal without a change.
    """
    if now.value is None or not now.standard_error:
        reason = now.reason or "the AUC has no standard error"
        return replace(AUC_ECB, reason=reason), replace(AUC_TWO_SAMPLES, reason=reason)
    if development.value is None:
        reason = development.reason or "the reference has no outcomes"
        return replace(AUC_ECB, reason=reason), replace(AUC_TWO_SAMPLES, reason=reason)
    fall = development.value - now.value
    ecb = _normal(AUC_ECB, fall / now.standard_error)
    if development.standard_error is None:
        return ecb, replace(AUC_TWO_SAMPLES, reason="the AUC of development has no standard error")
    both = math.hypot(now.standard_error, development.standard_error)
    return ecb, _normal(AUC_TWO_SAMPLES, fall / both)


def _normal(of: TestOutcome, statistic: float) -> TestOutcome:
    return replace(of, statistic=statistic, p_value=float(ndtr(-statistic)))
