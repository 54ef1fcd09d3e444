"""What a task's pod runs where Airflow starts the pods."""
