"""Jobs: what a run of the graph is, for sensors, schedules and bridges."""

import dagster as dg

from monitoring_assets.assets.alerts import alerts
from monitoring_assets.assets.performance_report import performance_report
from monitoring_assets.assets.reference_profile import reference_profile
from monitoring_assets.assets.report_page import report_page
from monitoring_assets.partitions import MODEL_DAYS, MODEL_VERSIONS

onboard_model = dg.define_asset_job(
    "onboard_model",
    selection=dg.AssetSelection.assets(reference_profile),
    partitions_def=MODEL_VERSIONS,
    description="Once for each model version: its reference profile.",
)

monitor_day = dg.define_asset_job(
    "monitor_day",
    selection=dg.AssetSelection.groups("monitoring")
    # Nothing has been realised on the day, and no check fails for that.
    - dg.AssetSelection.checks(
        dg.AssetCheckKey(performance_report.key, "realised_performance"),
        dg.AssetCheckKey(performance_report.key, "unmatched_outcomes"),
    ),
    partitions_def=MODEL_DAYS,
    description="A day of a model version: features, scores, drift report, segments, estimated "
    "performance, their checks, and what is worth an alert.",
)

measure_performance = dg.define_asset_job(
    "measure_performance",
    selection=dg.AssetSelection.assets(performance_report, report_page),
    partitions_def=MODEL_DAYS,
    description="The performance of a cohort whose outcomes have come, and the page of its day.",
)

decide_alerts = dg.define_asset_job(
    "decide_alerts",
    selection=dg.AssetSelection.assets(alerts, report_page),
    partitions_def=MODEL_DAYS,
    description="The decision on a day alone, and its page: for a day whose run failed, or that "
    "has no run.",
)
