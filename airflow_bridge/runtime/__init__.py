"""Airflow side, copied into every bundle: imports Airflow, its providers and the standard library."""
