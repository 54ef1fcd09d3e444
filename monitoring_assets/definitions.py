"""The code location: the one place where everything is wired together."""

import dagster as dg

from airflow_bridge.export.settings import bridge_is_on
from monitoring_assets.assets.alerts import alerts
from monitoring_assets.assets.drift_report import drift_report
from monitoring_assets.assets.features import features
from monitoring_assets.assets.model_registry import model_registry
from monitoring_assets.assets.performance_report import performance_report
from monitoring_assets.assets.reference_profile import reference_profile
from monitoring_assets.assets.scores import scores
from monitoring_assets.assets.segment_report import segment_report
from monitoring_assets.checks.asset_checks import asset_checks
from monitoring_assets.checks.delivered import alerts_checks
from monitoring_assets.jobs import (
    decide_alerts,
    measure_performance,
    monitor_day,
    onboard_model,
)
from monitoring_assets.runs.executor import model_executor
from resources.environment import resources_from_environment
from sensors.airflow_sensor import airflow_sensor
from sensors.batch_sensor import batch_sensor
from sensors.delivery_sensor import delivery_sensor
from sensors.failure_sensor import failure_sensor
from sensors.missing_batches import missing_batches
from sensors.outcome_sensor import outcome_sensor
from sensors.pipeline_sensor import pipeline_sensor
from sensors.registry_sensor import registry_sensor

defs = dg.Definitions(
    assets=[
        model_registry,
        reference_profile,
        features,
        scores,
        drift_report,
        segment_report,
        performance_report,
        alerts,
    ],
    asset_checks=[*asset_checks, alerts_checks],
    jobs=[onboard_model, monitor_day, measure_performance, decide_alerts],
    sensors=[
        registry_sensor,
        batch_sensor,
        outcome_sensor,
        failure_sensor,
        delivery_sensor,
        pipeline_sensor,
        *([airflow_sensor] if bridge_is_on() else []),
    ],
    schedules=[missing_batches],
    executor=model_executor,
    resources=dict(resources_from_environment()),
)
