"""The run launcher by the name that an instance's dagster.yaml gives.

The webserver and the daemon load it without loading the code location.
"""

from resources.kubernetes.run_launcher import ModelRunLauncher

__all__ = ["ModelRunLauncher"]
