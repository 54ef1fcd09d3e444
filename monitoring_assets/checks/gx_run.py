"""One run of Great Expectations over one small table of counts or figures."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from monitoring_assets.checks.finding import Finding
from monitoring_assets.checks.table_expectation import TableExpectation


class _Day(threading.local):
    """What every table of a thread is a batch of.

    Great Expectations writes its whole configuration as YAML for each step of making it. It holds
    one table, so threads that shared it would get each other's.
    """

    def __init__(self) -> None:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(
            globally=False, metric_calculations=False
        )
        asset = context.data_sources.add_pandas("profiles").add_dataframe_asset("profile")
        self.definition = asset.add_batch_definition_whole_dataframe("day")


_DAY = _Day()


def run_expectations(
    table: pd.DataFrame, expectations: Sequence[tuple[str, TableExpectation]]
) -> list[Finding]:
    """Judge a table.

    Parameters
    ----------
    table
        One of `monitoring_assets.checks.tables`.
    expectations
        Pairs of a check's name and an expectation of it.

    Returns
    -------
    One finding for each expectation, in their order. One that gave no result, or a result without
    an observed value, is a finding with an error: nothing passes by being lost.

    Raises
    ------
    ValueError
        If there is nothing to expect: an empty suite would succeed.
    """
    if not expectations:
        raise ValueError("no expectation to check")
    batch = _DAY.definition.get_batch({"dataframe": table})
    for number, (_, expectation) in enumerate(expectations):
        expectation.meta = {"number": number}
    # All at once: adding one compares it with all that are there.
    suite = gx.ExpectationSuite("checks", [expectation for _, expectation in expectations])
    outcome = batch.validate(suite, result_format="BASIC")
    # Great Expectations gives results in an order of its own.
    results = {_number(result): result for result in outcome.results}
    return [
        _finding(check, expectation, results.get(number))
        for number, (check, expectation) in enumerate(expectations)
    ]


def _finding(check: str, expectation: TableExpectation, result: Any) -> Finding:
    finding = partial(
        Finding,
        check,
        type(expectation).__name__,
        expectation.characteristic,
        unmet=expectation.unmet,
        unsure=expectation.unsure,
    )
    if result is None:
        return finding(success=False, observed=None, error="Great Expectations gave no result")
    error = _exception_text(result.exception_info or {})
    observed = (result.result or {}).get("observed_value")
    if error is not None or observed is None or not math.isfinite(observed):
        reason = error or f"Great Expectations observed no value ({observed})"
        return finding(success=False, observed=None, error=reason)
    # Python's own types: Dagster takes no numpy scalars.
    details = result.result.get("details") or {}
    return finding(success=bool(result.success), observed=float(observed), details=details)


def _number(result: Any) -> int:
    number: int = result.expectation_config.meta["number"]
    return number


def _exception_text(info: dict[str, Any]) -> str | None:
    """The message in either of the two shapes that Great Expectations gives exceptions in."""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message") or "an exception without a message")
    return None
