"""Jobs: what a run of the graph is, for sensors, schedules and bridges."""

import dagster as dg

from monitoring_assets.drift_report import drift_report
from monitoring_assets.features import features
from monitoring_assets.partitions import MODEL_DAYS, MODEL_VERSIONS
from monitoring_assets.reference import reference_profile
from monitoring_assets.scores import scores

onboard_model = dg.define_asset_job(
    "onboard_model",
    selection=dg.AssetSelection.assets(reference_profile),
    partitions_def=MODEL_VERSIONS,
    description="Once for each model version: its reference profile.",
)

monitor_day = dg.define_asset_job(
    "monitor_day",
    selection=dg.AssetSelection.assets(features, scores, drift_report),
    partitions_def=MODEL_DAYS,
    description="A day of a model version: features, scores, drift report and their checks.",
)
