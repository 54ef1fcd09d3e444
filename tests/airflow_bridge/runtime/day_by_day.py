"""A code location whose job ends otherwise on each day."""

import time

import dagster as dg

DAYS = dg.MultiPartitionsDefinition(
    {
        "date": dg.DailyPartitionsDefinition("2026-09-01", end_offset=1000),
        "model": dg.DynamicPartitionsDefinition(name="model"),
    }
)


@dg.asset(key_prefix="monitoring", partitions_def=dg.DynamicPartitionsDefinition(name="model"))
def reference_profile() -> None:
    """What features waits for."""


@dg.asset(key_prefix="monitoring", partitions_def=DAYS, deps=[reference_profile])
def features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Fail on the 13th, late on the 18th, break on the 15th, take for ever on the 16th."""
    day = context.partition_key[:10]
    if day == "2026-09-13":
        raise dg.Failure("no Parquet file at lake/2026-09-13", allow_retries=False)
    if day == "2026-09-18":
        raise dg.Failure("not yet", metadata={"may_still_arrive": True}, allow_retries=False)
    if day == "2026-09-15":
        raise OSError("disk full")
    if day == "2026-09-16":
        time.sleep(600)
    context.add_asset_metadata({"rows": 400, "psi": 0.125, "path": "store"})
    return dg.MaterializeResult()


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("batch_quality", asset=features, partitions_def=DAYS, blocking=True),
        dg.AssetCheckSpec("csi", asset=features, partitions_def=DAYS),
    ]
)
def features_checks(context: dg.AssetCheckExecutionContext):
    """Block the 14th, and fail without blocking the 17th."""
    day = context.run.tags["dagster/partition/date"]
    for name, bad_day in (("batch_quality", "2026-09-14"), ("csi", "2026-09-17")):
        yield dg.AssetCheckResult(
            asset_key=features.key,
            check_name=name,
            passed=day != bad_day,
            description=f"income: {name} of {day}",
        )


monitor_day = dg.define_asset_job("monitor_day", [features])
defs = dg.Definitions(
    assets=[reference_profile, features],
    asset_checks=[features_checks],
    jobs=[monitor_day],
    executor=dg.in_process_executor,
)
