"""What Dagster's daemon does with a sensor, step by step, so that a test can end it between two."""

import dagster as dg


class KilledError(BaseException):
    """The process ended here."""


class Daemon:
    """Ticks a sensor: adds the partitions, starts each run key once, keeps the cursor last.

    Parameters
    ----------
    sensor
        The sensor.
    lender
        What its resources are bound to.
    instance
        Where partitions, runs, events and the cursor are kept.
    """

    def __init__(self, sensor, lender, instance):
        self.sensor, self.lender, self.instance = sensor, lender, instance
        self.step = lambda: None  # called between any two steps

    def tick(self):
        instance, name = self.instance, self.sensor.name
        cursor = instance.daemon_cursor_storage.get_cursor_values({name}).get(name)
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, resources=self.lender.resources
        )
        result = self.sensor(context)
        self.step()
        for request in result.dynamic_partitions_requests or []:
            instance.add_dynamic_partitions(
                request.partitions_def_name, list(request.partition_keys)
            )
            self.step()
        for request in result.run_requests or []:
            tags = {"dagster/sensor_name": name, "dagster/run_key": request.run_key}
            if not instance.get_runs_count(dg.RunsFilter(tags=tags)):
                tags |= {**request.tags, "dagster/partition": str(request.partition_key)}
                instance.add_run(dg.DagsterRun(request.job_name or "monitor_day", tags=tags))
            self.step()
        for event in result.asset_events:
            instance.report_runless_asset_event(event)
            self.step()
        if result.cursor is not None:
            instance.daemon_cursor_storage.set_cursor_values({name: result.cursor})
        return result

    def finish_runs(self):
        """End the runs that are open, so that there is room again."""
        for run in self.instance.get_runs(
            dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED])
        ):
            self.instance.report_run_failed(run)

    def run_keys(self):
        """The run keys of every run started, in order."""
        runs = self.instance.get_runs(dg.RunsFilter(tags={"dagster/sensor_name": self.sensor.name}))
        return [run.tags["dagster/run_key"] for run in reversed(runs)]
