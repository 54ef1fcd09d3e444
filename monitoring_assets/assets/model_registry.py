"""Asset ``model_registry``: what the registry holds, as the registry sensor last saw it."""

import dagster as dg

from monitoring_assets.assets.spec import owners
from resources.asset_keys import asset_key

model_registry = dg.AssetSpec(
    asset_key("model_registry"),
    group_name="onboarding",
    owners=owners(),
    kinds={"s3"},
    description="Every version folder of the registry: monitored, onboarding, retired, waiting "
    "for its manifest, rejected or changed, and why. Recorded by the registry sensor whenever it "
    "changes.",
)
