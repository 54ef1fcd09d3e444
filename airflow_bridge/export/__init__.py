"""Dagster side: from jobs and landed versions to the bundle that Airflow reads."""
