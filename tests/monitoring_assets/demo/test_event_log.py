"""The demo's event log holds what Dagster's own would, and another process reads it."""

import subprocess
import sys

import dagster as dg
import pytest
import yaml

from monitoring_assets.cli.demo import INSTANCE

READ = """
import dagster as dg
with dg.DagsterInstance.get() as instance:
    print(instance.get_materialized_partitions(dg.AssetKey("one")))
"""


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def one():
    return dg.MaterializeResult(metadata={"rows": 1})


@pytest.fixture
def demo_instance(tmp_path, monkeypatch):
    """An instance as the demo configures it."""
    home = tmp_path / "with a space: and a colon"
    home.mkdir()
    (home / "dagster.yaml").write_text(INSTANCE.format(folder=yaml.safe_dump(str(home))))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        yield instance


def test_events_are_kept_and_another_process_reads_them(demo_instance):
    result = dg.materialize([one], instance=demo_instance, partition_key="a")

    last = demo_instance.all_logs(result.run_id)[-1]
    assert last.dagster_event.event_type == dg.DagsterEventType.RUN_SUCCESS
    (record,) = demo_instance.fetch_materializations(one.key, limit=9).records
    assert (record.partition_key, record.run_id) == ("a", result.run_id)
    read = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == "{'a'}"


def test_what_fails_in_a_transaction_is_not_kept(demo_instance):
    storage = demo_instance.event_log_storage

    def fail_halfway():
        with storage.index_connection() as connection:
            connection.exec_driver_sql("insert into dynamic_partitions values (1, 'x', 'y', null)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert demo_instance.get_dynamic_partitions("x") == []


def test_a_table_made_later_is_found(demo_instance):
    storage = demo_instance.event_log_storage
    assert not storage.has_table("later")
    with storage.index_connection() as connection:
        connection.exec_driver_sql("create table later (id integer)")
    assert storage.has_table("later")
    assert storage.has_table("dynamic_partitions")
