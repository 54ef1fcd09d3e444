"""Real Airflow schedulers over real PostgreSQL, and a real Dagster that they drive."""
