"""What Airflow's scheduler may load beside the bundle; it imports Airflow alone."""
