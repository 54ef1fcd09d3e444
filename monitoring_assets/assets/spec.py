"""What Dagster is told of every asset, besides what each says of itself."""

import os
import re
from collections.abc import Sequence
from functools import cache

import dagster as dg

from monitoring_assets.code_version import code_version
from monitoring_assets.packages import HERE, IN_WHEEL
from monitoring_assets.partitions import MODEL_DAYS
from resources.asset_keys import asset_key
from resources.errors import InputError

COLUMN_SCHEMA = "dagster/column_schema"
"""Key of the metadata that Dagster's UI shows as the columns of an asset."""
OWNERS = "MONITORING_ASSET_OWNERS"
TEAM = "team:model-monitoring"
ALLOWED = re.compile(r"team:\S+|[^@\s]+@[^@\s]+\.[^@\s]+")
SCHEMAS = (HERE if IN_WHEEL.is_dir() else HERE.parent / "docs") / "store.md"
"""The page that lists the columns of reports; a test compares it with what is stored."""


def day_spec(
    module: str, deps: Sequence[dg.AssetsDefinition], kinds: set[str], description: str
) -> dg.AssetSpec:
    """Spec of an asset of each day of a version, which is named as its module.

    Parameters
    ----------
    module
        ``__name__`` in the asset's module.
    """
    name = module.rpartition(".")[2]
    columns = [
        dg.TableColumn(column, kind, description=meaning)
        for column, kind, meaning in columns_of(name)
    ]
    return dg.AssetSpec(
        asset_key(name),
        partitions_def=MODEL_DAYS,
        deps=deps,
        group_name="monitoring",
        kinds=kinds,
        owners=owners(),
        code_version=code_version(module),
        description=description,
        metadata={COLUMN_SCHEMA: dg.TableSchema(columns)} if columns else {},
    )


def owners() -> list[str]:
    """Who is named as owner of the assets in Dagster's UI.

    Raises
    ------
    InputError
        If ``MONITORING_ASSET_OWNERS`` names one that Dagster does not take.
    """
    found = [one.strip() for one in os.environ.get(OWNERS, TEAM).split(",") if one.strip()]
    for one in found:
        if not ALLOWED.fullmatch(one):
            raise InputError(
                f"{OWNERS}: found {one!r}; allowed: addresses and team:NAME, with commas between "
                "them, such as team:risk-platform,ann@lender.example"
            )
    return found


def columns_of(report: str) -> list[tuple[str, str, str]]:
    """Name, type and meaning of each column of a report; empty for what is none."""
    return re.findall(
        r"^\| `([\w.]+)` \| `([\w\[\]]+)` \| (.+) \|$", _sections().get(report, ""), re.MULTILINE
    )


@cache
def _sections() -> dict[str, str]:
    parts = re.split(r"^## Columns of `(\w+)`\n", SCHEMAS.read_text(), flags=re.MULTILINE)[1:]
    return {
        name: text.split("\n## ")[0] for name, text in zip(parts[::2], parts[1::2], strict=True)
    }
