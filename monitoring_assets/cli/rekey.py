"""``monitoring rekey``: the history of the assets, taken over from keys with another prefix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.instance import dagster_instance
from monitoring_assets.cli.progress import progress
from resources.asset_keys import VARIABLE, asset_key, asset_name, read_prefix
from resources.errors import InputError

if TYPE_CHECKING:
    import dagster as dg

    from monitoring_assets.cli.progress import ShowProgress
    from resources.dagster_internals import AssetCheckExecutionRecord

PAGE = 500


def prefix_of(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Read a prefix from a command line."""
    try:
        return read_prefix(value, "--from")
    except InputError as error:
        raise click.BadParameter(str(error)) from error


@click.command(
    epilog="""\b
Examples:
  monitoring rekey --from ""
  MONITORING_ASSET_PREFIX=risk/monitoring monitoring rekey --from monitoring
"""
)
@click.option(
    "--from",
    "old",
    required=True,
    metavar="PREFIX",
    callback=prefix_of,
    help='The prefix that the assets\' keys had; "" for none, as before version 0.2.0.',
)
def rekey(old: str) -> None:
    """Record the assets' history under the keys of today, as MONITORING_ASSET_PREFIX has them.

    Copied are the last materialisation of each partition and the last evaluation of each check and
    partition, with their time and their run, in whose log they appear once more. What the keys of
    today have already stays. The old keys keep their history; the store is not touched. Writes to
    the Dagster instance of DAGSTER_HOME.

    Exit code: 0, 2 for bad usage or input.
    """
    with dagster_instance() as instance, progress() as show_progress:
        from monitoring_assets.definitions import defs

        graph = defs.get_repository_def().asset_graph
        for key in graph.toposorted_asset_keys:
            name = asset_name(key)
            before = asset_key(name, old)
            if before == key:
                raise click.UsageError(
                    f"--from: found {old!r}, which is the prefix of today ({VARIABLE}); allowed: "
                    "the one before"
                )
            made = _copy_materialisations(instance, before, key, show_progress)
            checks = sorted(check.name for check in graph.get_check_keys_for_assets({key}))
            evaluated = sum(
                _copy_evaluations(instance, before, key, one, show_progress) for one in checks
            )
            click.echo(
                f"{key.to_user_string()}: {made} materialisations and {evaluated} evaluations of "
                f"checks from {before.to_user_string()}"
            )


def _copy_materialisations(
    instance: dg.DagsterInstance, before: dg.AssetKey, key: dg.AssetKey, show_progress: ShowProgress
) -> int:
    """Copy the last materialisation of each partition that the new key does not have."""
    import dagster as dg

    wanted = _last_materialisations(instance, before)
    for partition in _last_materialisations(instance, key):
        wanted.pop(partition, None)
    ids = sorted(wanted.values())
    for start in range(0, len(ids), PAGE):
        show_progress(asset_name(key), start, len(ids))
        page = dg.AssetRecordsFilter(before, storage_ids=ids[start : start + PAGE])
        for record in instance.fetch_materializations(page, limit=PAGE, ascending=True).records:
            entry = record.event_log_entry
            event = entry.dagster_event
            assert event is not None  # as asked for
            data = event.step_materialization_data
            data = data._replace(materialization=data.materialization._replace(asset_key=key))
            instance.handle_new_event(
                entry._replace(dagster_event=event._replace(event_specific_data=data))
            )
    return len(ids)


def _last_materialisations(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str | None, int]:
    """Storage ids by partition; None is that of an asset without partitions."""
    import dagster as dg

    found: dict[str | None, int] = {}
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    found.update(instance.event_log_storage.get_latest_storage_id_by_partition(key, kind))
    for record in instance.fetch_materializations(key, limit=1).records:
        found[record.partition_key] = record.storage_id
    return found


def _copy_evaluations(
    instance: dg.DagsterInstance,
    before: dg.AssetKey,
    key: dg.AssetKey,
    check: str,
    show_progress: ShowProgress,
) -> int:
    """Copy the last evaluation of each partition that the new key does not have."""
    import dagster as dg

    from monitoring_assets.checks.target_materialisation import target_materialisation
    from monitoring_assets.partitions import ModelDay
    from monitoring_assets.runs.evaluated_day import evaluated_partition

    old, new = dg.AssetCheckKey(before, check), dg.AssetCheckKey(key, check)
    wanted: dict[str | None, int] = {}
    for record in _evaluations(instance, old):  # the latest comes first
        wanted.setdefault(_partition_of(record), record.id)
    for record in _evaluations(instance, new):
        wanted.pop(_partition_of(record), None)
    # One at a time: a page of findings takes much memory.
    for number, at in enumerate(sorted(wanted.values())):
        if number % PAGE == 0:
            show_progress(f"{asset_name(key)}: {check}", number, len(wanted))
        (record,) = _page(instance, old, at + 1, 1)
        entry, said = record.event, record.evaluation
        # It is completed.
        assert entry is not None
        assert entry.dagster_event is not None
        assert said is not None
        target = said.target_materialization_data
        partition = evaluated_partition(said)
        if target is not None and partition is not None:
            copied = target_materialisation(instance, key, ModelDay.parse(partition))
            if copied is not None and copied.run_id == target.run_id:
                target = copied
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=check,
            passed=said.passed,
            metadata=said.metadata,
            target_materialization_data=target,
            severity=said.severity,
            description=said.description,
            blocking=said.blocking,
            partition=said.partition,
        )
        event = entry.dagster_event._replace(event_specific_data=evaluation)
        instance.handle_new_event(entry._replace(dagster_event=event))
    return len(wanted)


def _partition_of(record: AssetCheckExecutionRecord) -> str | None:
    from monitoring_assets.runs.evaluated_day import evaluated_partition

    return evaluated_partition(record.evaluation) if record.evaluation else record.partition


def _evaluations(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey
) -> Iterator[AssetCheckExecutionRecord]:
    """Every evaluation of a check, the latest first."""
    at = None
    while page := _page(instance, check, at, PAGE):
        yield from page
        at = page[-1].id


def _page(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, before: int | None, limit: int
) -> Sequence[AssetCheckExecutionRecord]:
    from resources.dagster_internals import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES

    return instance.event_log_storage.get_asset_check_execution_history(
        check,
        limit=limit,
        cursor=before,
        # The record of a run under way, or killed, has no verdict.
        status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    )
