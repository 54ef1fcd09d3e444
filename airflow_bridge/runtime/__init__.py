"""What an exported bundle runs inside Airflow.

It imports Airflow, Airflow's http and cncf-kubernetes providers and the standard library, never
Dagster or this project; its modules import each other relatively, because a bundle carries them
under a name of its own.
"""
