"""Numbers of metadata as Dagster shows them; the store has them in full."""

from collections.abc import Mapping
from typing import Any

import dagster as dg


def four_digits(value: Any) -> Any:
    """A number with four significant digits; anything else as it is."""
    if isinstance(value, dg.FloatMetadataValue) and value.value is not None:
        return dg.MetadataValue.float(four_digits(value.value))
    return float(f"{value:.4g}") if isinstance(value, float) else value


def shown(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata for people to read and for Dagster to plot."""
    return {name: four_digits(value) for name, value in metadata.items()}
