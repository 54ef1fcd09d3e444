"""Airflow side, copied into every bundle: imports Airflow and the standard library."""
