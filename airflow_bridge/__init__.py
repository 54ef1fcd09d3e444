"""The Airflow bridge: the jobs of this project as Airflow DAGs, one for each model version."""
