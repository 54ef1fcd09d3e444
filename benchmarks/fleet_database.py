"""Dagster's database of a fleet that has run for years: rows copied from those of real runs."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from monitoring_assets.partitions import ModelDay
from tests.conftest import Lender, days_ago, job, onboard
from tests.integration.airflow.postgres import Postgres, postgres_server

DATABASE = "fleet"


@contextmanager
def fleet_instance() -> Iterator[tuple[dg.DagsterInstance, Postgres]]:
    """A Dagster instance on a PostgreSQL server of its own."""
    with postgres_server() as server:
        server.create(DATABASE)
        storage = server.dagster_storage(DATABASE)
        with dg.instance_for_test(overrides={"storage": storage}) as instance:
            yield instance, server


def run_one_day(instance: dg.DagsterInstance) -> tuple[str, ModelDay]:
    """Run a day of a small model for real, with every check; return the run's id and the day."""
    with tempfile.TemporaryDirectory() as folder:
        lender = Lender(folder, Path(folder))
        key, day = lender.publish("template"), days_ago(1)
        lender.deliver(day, feed="template")
        onboard(lender, instance)
        result = job("monitor_day", lender).execute_in_process(
            instance=instance, partition_key=f"{day}|{key}"
        )
        return result.run_id, ModelDay(day, key)


def copy_run(
    server: Postgres,
    run_id: str,
    template: ModelDay,
    days: Iterable[ModelDay],
    which: str = "true",
) -> None:
    """Copy what Dagster has of the run of a day to the runs of other days.

    Parameters
    ----------
    server
        With the database of the instance.
    run_id
        The run that is copied.
    template
        The day that it was for.
    days
        Those that are to look as if they had been run, each the morning after.
    which
        Condition on the rows ``e`` of ``event_logs`` that are copied.
    """
    connection = server.connect(DATABASE)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE copies (number serial, run_id text, day text, key text, "
                "partition text, at timestamp)"
            )
            values = b",".join(
                cursor.mogrify(
                    "(gen_random_uuid(), %s, %s, %s, %s)",
                    (
                        str(one.day),
                        one.key,
                        one.partition,
                        dt.datetime.combine(one.day + dt.timedelta(days=1), dt.time(6)),
                    ),
                )
                for one in sorted(days)
            )
            cursor.execute(b"INSERT INTO copies (run_id, day, key, partition, at) VALUES " + values)
            words = {
                "template": run_id,
                "partition": template.partition,
                "key": template.key,
                "day": str(template.day),
            }
            for statement in COPIES:
                cursor.execute(statement.replace("{which}", which), words)
            cursor.execute("DROP TABLE copies, copied")
            cursor.execute("VACUUM ANALYZE")
    finally:
        connection.close()


def _copied(column: str) -> str:
    """A text with the run, the day and the version of a copy."""
    text = f"replace({column}, %(template)s, c.run_id)"
    return f"replace(replace({text}, %(key)s, c.key), %(day)s, c.day)"


COPIES = (
    f"""
    INSERT INTO runs (run_id, snapshot_id, pipeline_name, status, run_body, partition,
                      create_timestamp, update_timestamp, start_time, end_time)
    SELECT c.run_id, r.snapshot_id, r.pipeline_name, r.status, {_copied("r.run_body")},
           {_copied("r.partition")}, c.at, c.at + interval '20 seconds',
           extract(epoch FROM c.at), extract(epoch FROM c.at) + 20
    FROM copies c, runs r WHERE r.run_id = %(template)s ORDER BY c.number
    """,
    f"""
    INSERT INTO run_tags (run_id, key, value)
    SELECT c.run_id, t.key, {_copied("t.value")}
    FROM copies c, run_tags t WHERE t.run_id = %(template)s ORDER BY c.number
    """,
    f"""
    INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key,
                            partition)
    SELECT c.run_id, {_copied("e.event")}, e.dagster_event_type, c.at, e.step_key, e.asset_key,
           {_copied("e.partition")}
    FROM copies c, event_logs e WHERE e.run_id = %(template)s AND {{which}} ORDER BY c.number, e.id
    """,
    # The events of a run are numbered in a row, so the copy of each is known by its place.
    """
    CREATE TEMP TABLE copied AS
    SELECT e.id, row_number() OVER (ORDER BY e.id) - 1 AS place, count(*) OVER () AS events,
           (SELECT min(n.id) FROM event_logs n, copies c
            WHERE c.number = 1 AND n.run_id = c.run_id) AS first
    FROM event_logs e WHERE e.run_id = %(template)s AND {which}
    """,
    """
    INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)
    SELECT o.first + (c.number - 1) * o.events + o.place, t.asset_key, t.key,
           CASE t.key WHEN 'dagster/partition/date' THEN c.day
                      WHEN 'dagster/partition/model' THEN c.key ELSE t.value END,
           c.at
    FROM copies c, asset_event_tags t JOIN copied o ON o.id = t.event_id
    """,
    f"""
    INSERT INTO asset_check_executions (asset_key, check_name, partition, run_id, execution_status,
        evaluation_event, evaluation_event_timestamp, evaluation_event_storage_id,
        materialization_event_storage_id, create_timestamp)
    SELECT x.asset_key, x.check_name, {_copied("x.partition")}, c.run_id, x.execution_status,
           {_copied("x.evaluation_event")}, c.at,
           o.first + (c.number - 1) * o.events + o.place,
           m.first + (c.number - 1) * m.events + m.place, c.at
    FROM copies c, asset_check_executions x
    JOIN copied o ON o.id = x.evaluation_event_storage_id
    LEFT JOIN copied m ON m.id = x.materialization_event_storage_id
    WHERE x.run_id = %(template)s ORDER BY c.number
    """,
)
"""What is copied, in this order."""
