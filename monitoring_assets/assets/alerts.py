"""Asset ``alerts``: what of a day is worth a person's time, and why.

The decision is pure, and is recorded with all that it was made from. What it changes for people
goes into the outbox and is sent; the check ``delivered`` says whether it has arrived.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from monitoring_assets.assets.drift_report import drift_report
from monitoring_assets.assets.performance_report import performance_report
from monitoring_assets.assets.segment_report import segment_report
from monitoring_assets.assets.spec import day_spec
from monitoring_assets.code_version import code_version
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.materialise import materialise_each
from monitoring_assets.runs.tags import is_backfill
from resources.faults import record_faults
from resources.markdown import as_markdown
from resources.store import NotMaterialisedError, Store

if TYPE_CHECKING:
    import pyarrow as pa

    from monitoring_assets.performance.history import PerformancePoint
    from monitoring_assets.statistics.alerts.decision import Decision
    from resources.delivery.messages import CheckStatus, Gauge, Measurements, Subject

# A channel that does not answer must not hold up the run: the delivery sensor goes on.
DELIVERY_SECONDS = 20.0


class AlertsConfig(dg.Config):
    """How a decision is made."""

    as_if_on_the_day: bool = Field(
        default=False,
        description="Decide, and tell people, as on the day after the partition's: for rehearsals.",
    )


@dg.multi_asset(
    specs=[
        day_spec(
            __name__,
            deps=[drift_report, performance_report, segment_report],
            kinds={"parquet"},
            description="For each family of breach: whether an incident was opened, kept, "
            "resolved or suppressed, and why; and which messages were sent.",
        )
    ],
)
def alerts(
    context: dg.AssetExecutionContext, config: AlertsConfig, store: Store
) -> dg.MaterializeResult:
    """Decide on the day from the stored reports, record it, and tell what has changed."""
    from monitoring_assets.alerting.acceptance import stored_acceptance
    from monitoring_assets.alerting.decision_inputs import recorded_standings, stored_inputs
    from monitoring_assets.alerting.incidents import NoticeContext
    from monitoring_assets.alerting.ledger import tell
    from monitoring_assets.performance.control_charts import SOURCE, performance_faults
    from monitoring_assets.performance.history import performance_points
    from monitoring_assets.performance.unmatched import unmatched_faults
    from monitoring_assets.statistics.alerts.decision import decide
    from resources.delivery.messages import Subject

    def compute(day: ModelDay) -> dict[str, object]:
        manifest = store.landed(day.key).manifest
        now = dt.datetime.now(dt.UTC)
        as_if = config.as_if_on_the_day
        points = performance_points(store, day.key, day.day, manifest.segments)
        faults = [
            *performance_faults(points, manifest.thresholds.performance, day.day),
            *unmatched_faults(store, manifest, day.day),
        ]
        record_faults(store.storage, day.key, day.day, SOURCE, faults)
        acceptance = stored_acceptance(store, manifest, day.day)
        inputs, history = stored_inputs(
            store,
            day,
            manifest,
            points,
            acceptance,
            decided_on=day.day + dt.timedelta(days=1) if as_if else now.date(),
            is_backfill=is_backfill(context.run.tags) and not as_if,
        )
        decisions = decide(history, inputs.policy)
        notes = {
            "decided_at": now.isoformat(),
            "inputs": inputs.model_dump(mode="json"),
            "standings": recorded_standings(decisions),
        }
        table = decisions_table(decisions)
        store.write_report(
            "alerts",
            day.key,
            day.day,
            table,
            manifest,
            context.run_id,
            code_version(__name__),
            notes,
        )
        told = ["no notification is sent: a later day has been decided"]
        if not inputs.is_late:
            subject = Subject.of(manifest)
            measured = None
            if not inputs.is_backfill and inputs.age_days(day.day) <= inputs.policy.max_age_days:
                measured = _measurements(store, day, subject, decisions, points)
            notice_context = NoticeContext(subject=subject, day=day.day, decided_at=now)
            told = tell(store, notice_context, decisions, measured, seconds=DELIVERY_SECONDS)
        return {
            "decisions": _decisions_shown(decisions),
            **({"acceptance": str(acceptance)} if acceptance else {}),
            "told": dg.MetadataValue.md(
                "\n".join(f"- {as_markdown(line)}" for line in told) or "nothing changed"
            ),
            "path": store.url("alerts", day.key, day.day),
        }

    return materialise_each(context, store, compute)


def decisions_table(decisions: "Sequence[Decision]") -> "pa.Table":
    """One row a family, with its breaches nested."""
    import pyarrow as pa

    text, day, number = pa.string(), pa.date32(), pa.float64()
    breach = pa.struct(
        [
            ("subject", text),
            ("text", text),
            ("since", day),
            ("pages", pa.bool_()),
            ("window", text),
            ("value", number),
            ("limit", number),
            ("critical_value", number),
            ("moved_score_by", number),
        ]
    )
    schema = pa.schema(
        [
            ("family", text),
            ("action", text),
            ("severity", text),
            ("pages", pa.bool_()),
            ("since", day),
            ("joins", text),
            ("reasons", pa.list_(text)),
            ("breaches", pa.list_(breach)),
        ]
    )
    rows = [
        {name: getattr(one, name) for name in schema.names[:-2]}
        | {
            "reasons": list(one.reasons),
            "breaches": [
                {name: getattr(each, name) for name in breach.names} for each in one.breaches
            ],
        }
        for one in decisions
    ]
    return pa.Table.from_pylist(rows, schema)


def _decisions_shown(decisions: "Sequence[Decision]") -> dg.TableMetadataValue:
    """The decisions for the Dagster UI."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "family": one.family,
                    "action": one.action,
                    "severity": one.severity or "",
                    "since": str(one.since or ""),
                    "why": "; ".join(one.reasons),
                }
            )
            for one in decisions
        ],
        dg.TableSchema(
            [
                dg.TableColumn(name, "string")
                for name in ("family", "action", "severity", "since", "why")
            ]
        ),
    )


def performance_gauges(points: "Sequence[PerformancePoint]", day: dt.date) -> "list[Gauge]":
    """Gauges of performance that could be known on a day.

    Parameters
    ----------
    points
        Of the version, in the order of days; those of segments are left out.
    day
        The day that is reported.

    Returns
    -------
    list of Gauge
        For each horizon the day's own estimates, and of the newest cohort whose outcomes are known
        what was realised and the gap. Nothing for what could not be computed, nor for metrics of
        scores that predict a number, which have no gauges.
    """
    from monitoring_assets.performance.control_charts import known_on
    from monitoring_assets.statistics.performance.report import PerformanceKind
    from resources.delivery.metrics import PERFORMANCE

    newest = {
        (point.kind, point.metric, point.horizon): point
        for point in points
        if point.segment is None
        and known_on(point) <= day
        and (point.kind != PerformanceKind.ESTIMATED or point.day == day)
    }
    return [
        PERFORMANCE[point.kind, point.metric].gauge(
            point.value, horizon="none" if point.horizon is None else str(point.horizon)
        )
        for point in newest.values()
        if point.value is not None and (point.kind, point.metric) in PERFORMANCE
    ]


def _measurements(
    store: Store,
    day: ModelDay,
    subject: "Subject",
    decisions: "Sequence[Decision]",
    points: "Sequence[PerformancePoint]",
) -> "Measurements":
    """What Datadog is to know of the day; without a report, what became of it."""
    from monitoring_assets.statistics.drift.report import DriftReport
    from resources.delivery.messages import Measurements
    from resources.delivery.metrics import INCIDENTS_OPEN, PARTITION, PIPELINE, report_gauges

    report: DriftReport | None = None
    with suppress(NotMaterialisedError):  # its run failed: that is in the decisions
        report = DriftReport.from_table(store.read_table("drift_report", day.key, day.day)[0])
    is_open = {one.family: one.action in ("open", "keep") for one in decisions}
    why = "; ".join(r for one in decisions if is_open[one.family] for r in one.reasons[:1])
    pipeline = is_open["pipeline"]
    paged = any(is_open.values())
    warned = any(one.breaches for one in decisions)
    outcome: CheckStatus = "critical" if paged else "warning" if warned else "ok"
    return Measurements(
        subject=subject,
        day=day.day,
        gauges=[
            *report_gauges(report),
            *(INCIDENTS_OPEN.gauge(float(yes), family=name) for name, yes in is_open.items()),
            *performance_gauges(points, day.day),
        ],
        checks=[
            PARTITION.status(outcome, why),
            PIPELINE.status("critical" if pipeline else "ok", why if pipeline else ""),
        ],
    )
