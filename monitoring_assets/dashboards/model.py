"""The dashboard of one model: the same for each, the reader chooses which.

One dashboard with template variables rather than one for each model: a model that lands is there at
once, with nothing to apply; versions of a model can be laid over each other; and an account with
300 models has one dashboard to change.
"""

from __future__ import annotations

from monitoring_assets.dashboards import widgets
from monitoring_assets.dashboards.definition import (
    AGE_LIMITS,
    INDEX_LIMITS,
    DashboardSettings,
    Definition,
)
from monitoring_assets.dashboards.layout import dashboard
from monitoring_assets.dashboards.versions import versions
from monitoring_assets.dashboards.widgets import Series
from resources.delivery.metrics import (
    AUC_ESTIMATED,
    AUC_GAP,
    AUC_REALISED,
    BAD_RATE_ESTIMATED,
    BAD_RATE_GAP,
    BAD_RATE_REALISED,
    COLUMNS,
    CSI,
    CSI_MAX,
    MEAN_SCORE_SHIFT,
    MISSING_MAX,
    PARTITION,
    PIPELINE,
    PSI,
    REPORT_AGE,
    ROWS,
)

SLUG = "model"
TITLE = "Model monitoring: one model"
VARIABLES = ("model", "version", "env")


def model(settings: DashboardSettings) -> Definition:
    """The dashboard of one model."""
    scope = [f"${name}" for name in VARIABLES]
    by = ["model", "version"]
    characteristic = [*by, "characteristic"]
    horizon = [*by, "horizon"]
    warn, fail = INDEX_LIMITS
    _, late = AGE_LIMITS
    limits = {"warning": warn, "error": fail}
    return dashboard(
        SLUG,
        TITLE,
        "Drift and performance of one model: choose model and version above.",
        settings,
        VARIABLES,
        [
            widgets.note(_how_to_read(settings)),
            versions(settings, scope),
            widgets.group(
                "Score",
                widgets.timeseries(
                    "PSI of the score",
                    [Series("PSI", PSI, scope, by)],
                    markers=limits,
                    events=scope,
                ),
                widgets.timeseries(
                    "Mean score less that of the reference",
                    [Series("shift", MEAN_SCORE_SHIFT, scope, by, over="avg")],
                    events=scope,
                ),
            ),
            widgets.group(
                "Characteristics",
                widgets.timeseries(
                    "CSI of the characteristics that matter most",
                    [Series("CSI", CSI, scope, characteristic)],
                    markers=limits,
                    events=scope,
                    width=8,
                ),
                widgets.top_list(
                    "CSI of the last day",
                    Series("CSI", CSI, scope, characteristic, limits=INDEX_LIMITS),
                    width=4,
                ),
                widgets.timeseries(
                    "Columns by status",
                    [Series("columns", COLUMNS, scope, [*by, "status"])],
                    kind="bars",
                ),
                widgets.timeseries(
                    "Largest CSI, over all characteristics",
                    [Series("largest CSI", CSI_MAX, scope, by)],
                    markers=limits,
                ),
            ),
            widgets.group(
                "Performance",
                widgets.timeseries(
                    "AUC: estimated of the day, realised of the newest cohort with outcomes",
                    [
                        Series("estimated", AUC_ESTIMATED, scope, horizon),
                        Series("realised", AUC_REALISED, scope, horizon),
                    ],
                    events=scope,
                ),
                widgets.timeseries(
                    "AUC, realised less estimated of the same rows",
                    [Series("gap", AUC_GAP, scope, horizon, over="avg")],
                    events=scope,
                ),
                widgets.timeseries(
                    "Bad rate: estimated of the day, realised of the newest cohort with outcomes",
                    [
                        Series("estimated", BAD_RATE_ESTIMATED, scope, horizon),
                        Series("realised", BAD_RATE_REALISED, scope, horizon),
                    ],
                ),
                widgets.timeseries(
                    "Bad rate, realised less estimated of the same rows",
                    [Series("gap", BAD_RATE_GAP, scope, horizon, over="avg")],
                ),
            ),
            widgets.group(
                "Batch",
                widgets.timeseries("Rows", [Series("rows", ROWS, scope, by)], kind="bars"),
                widgets.timeseries(
                    "Largest share of missing values of a column",
                    [Series("missing", MISSING_MAX, scope, by)],
                ),
                widgets.timeseries(
                    "Days since the newest report",
                    [Series("days", REPORT_AGE, scope, by)],
                    markers={"error": late},
                ),
            ),
            widgets.group(
                "Incidents and pipeline",
                widgets.events_stream("Incidents and new versions", scope),
                widgets.check_status("Outcome of the day", PARTITION, scope),
                widgets.check_status("Pipeline", PIPELINE, scope),
            ),
        ],
    )


def _how_to_read(settings: DashboardSettings) -> str:
    warn, fail = INDEX_LIMITS
    lines = [
        f"**How to read it.** PSI and CSI under {warn} are ok, from {fail} on a fail, unless "
        "chance explains them at the day's number of rows: incidents take that into account, the "
        "lines do not.",
        "Performance: where realised leaves what was estimated of the same rows, what a score "
        "means has changed (concept shift), whatever PSI and CSI say.",
        f"What to do: {settings.runbook}",
    ]
    if settings.reports:
        lines.append(f"[Drift reports in Dagster]({settings.reports})")
    return "  \n".join(lines)
