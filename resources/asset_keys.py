"""Keys of the assets in Dagster: their names, below this deployment's prefix.

Other code locations of a workspace may have assets of the same names. Tasks in Airflow, steps of
runs and data sets in the store are named without the prefix.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from resources.errors import InputError

if TYPE_CHECKING:
    import dagster as dg

VARIABLE = "MONITORING_ASSET_PREFIX"
DEFAULT = "monitoring"
ALLOWED = re.compile(r"([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?")


def read_prefix(value: str, source: str) -> str:
    """Validate a prefix; ``source`` is what an error calls it.

    Raises
    ------
    InputError
        If keys cannot begin with it.
    """
    if not ALLOWED.fullmatch(value):
        raise InputError(
            f"{source}: found {value!r}; allowed: letters, digits, `_` and `-`, with `/` between "
            "the parts of a key, such as risk/monitoring; or nothing, for keys without a prefix"
        )
    return value


def asset_path(name: str, prefix: str | None = None) -> str:
    """The key of an asset as Dagster's UI and its addresses have it: ``monitoring/features``.

    ``prefix`` is the deployment's, if None.

    Raises
    ------
    InputError
        If ``MONITORING_ASSET_PREFIX`` is none.
    """
    if prefix is None:
        prefix = read_prefix(os.environ.get(VARIABLE, DEFAULT), VARIABLE)
    return "/".join(filter(None, (prefix, name)))


def asset_key(name: str, prefix: str | None = None) -> dg.AssetKey:
    """The key of an asset; see `asset_path`."""
    import dagster as dg

    return dg.AssetKey.from_user_string(asset_path(name, prefix))


def asset_name(key: dg.AssetKey) -> str:
    """The name of the asset that has a key."""
    return key.path[-1]
