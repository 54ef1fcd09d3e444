"""Dashboards and monitors as code: what Datadog shows of the metrics that are sent to it."""
