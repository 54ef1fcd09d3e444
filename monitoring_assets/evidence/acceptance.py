"""Tables of a pack about the lender's decisions, month by month; none where none are declared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from monitoring_assets.periods.calendar import periods
from monitoring_assets.periods.decisions import PeriodDecisions, read_decisions
from monitoring_assets.statistics.decisions.counts import COUNTS, RATES
from resources.manifest import Manifest
from resources.store import Store

ABOUT: Mapping[str, str] = {
    "acceptance": "approvals, bookings and overrides of each month, and whether the rule changed",
    "acceptance_bands": "the same by score band",
    "acceptance_outcomes": "bad rates of each month by what was decided",
}

_TEXT, _DAY, _COUNT, _NUMBER = pa.string(), pa.date32(), pa.int64(), pa.float64()
_PERIOD = [("period", _TEXT), ("first", _DAY), ("last", _DAY)]
_ROWS = [
    *[(name, _COUNT) for name in COUNTS],
    *[(f"{name}_rate", _NUMBER) for name in RATES],
    *[(name, _NUMBER) for name in ("amount", "approved_amount")],
]
SCHEMAS: Mapping[str, Sequence[tuple[str, pa.DataType]]] = {
    "acceptance": [
        *_PERIOD,
        *[(name, _COUNT) for name in ("days", "days_not_counted")],
        *_ROWS,
        *[(name, _NUMBER) for name in ("accepted_psi", "by_rule", "by_applicants", "p_value")],
        ("rule_changed", pa.bool_()),
        *[(name, _TEXT) for name in ("change", "why_not_counted")],
    ],
    "acceptance_bands": [*_PERIOD, ("band", _TEXT), *_ROWS],
    "acceptance_outcomes": [
        *_PERIOD,
        ("horizon", _COUNT),
        ("decision", _TEXT),
        *[(name, _COUNT) for name in ("days", "rows", "bads")],
        *[(name, _NUMBER) for name in ("bad_rate", "bad_rate_low", "bad_rate_high")],
    ],
}


def acceptance_tables(
    store: Store, manifest: Manifest, first: dt.date, last: dt.date, horizon: int | None
) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables of a period, by table; empty where the manifest has no decisions."""
    if manifest.decisions is None:
        return {}
    months = list(periods(first, last, "month"))
    found = list(read_decisions(store, manifest, months, horizon))
    return {
        "acceptance": [_month(one) for one in found],
        "acceptance_bands": [
            {**_period(one), "band": label, **band.figures}
            for one in found
            for label, band in one.bands.items()
        ],
        "acceptance_outcomes": [
            {
                **_period(one),
                "horizon": horizon,
                "decision": side.side,
                "days": side.days,
                "rows": side.rows,
                "bads": side.bads,
                "bad_rate": side.bad_rate.value,
                "bad_rate_low": side.bad_rate.low,
                "bad_rate_high": side.bad_rate.high,
            }
            for one in found
            for side in one.outcomes
        ],
    }


def _period(one: PeriodDecisions) -> dict[str, Any]:
    return {"period": one.period.name, "first": one.period.first, "last": one.period.last}


def _month(one: PeriodDecisions) -> dict[str, Any]:
    change = one.change
    rates = change.rates if change else None
    return {
        **_period(one),
        "days": one.days,
        "days_not_counted": len(one.not_counted),
        **(one.total.figures if one.total else {}),
        "accepted_psi": one.accepted_psi,
        "by_rule": rates.by_rule if rates else None,
        "by_applicants": rates.by_applicants if rates else None,
        "p_value": change.p_value if change else None,
        "rule_changed": change.rule_changed if change else None,
        "change": one.text,
        "why_not_counted": "; ".join(f"{day}: {why}" for day, why in one.not_counted.items()),
    }
