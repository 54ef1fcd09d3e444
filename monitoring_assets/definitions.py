"""The code location: what the packages define, found there, and wired together."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import dagster as dg

import sensors
from airflow_bridge.export.settings import bridge_is_on
from monitoring_assets import assets, jobs
from monitoring_assets.checks import asset_checks, delivered
from monitoring_assets.runs.executor import model_executor
from resources.dagster_internals import UnresolvedAssetJobDefinition
from resources.environment import resources_from_environment
from sensors.airflow_sensor import airflow_sensor


def _names(package: ModuleType) -> Iterator[object]:
    """What the modules of a package hold by name; a name that is imported comes again."""
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        yield from vars(import_module(module.name)).values()


# A dictionary keeps each once, and their order.
_when = dict.fromkeys(
    one
    for one in _names(sensors)
    if isinstance(one, dg.SensorDefinition | dg.ScheduleDefinition)
    if one is not airflow_sensor or bridge_is_on()
)

defs = dg.Definitions(
    assets=dg.load_assets_from_package_module(assets, include_specs=True),
    # Not from the whole package: the other modules import Great Expectations, which takes seconds.
    asset_checks=dg.load_asset_checks_from_modules([asset_checks, delivered]),
    jobs=[one for one in vars(jobs).values() if isinstance(one, UnresolvedAssetJobDefinition)],
    sensors=[one for one in _when if isinstance(one, dg.SensorDefinition)],
    schedules=[one for one in _when if isinstance(one, dg.ScheduleDefinition)],
    executor=model_executor,
    resources=dict(resources_from_environment()),
)
