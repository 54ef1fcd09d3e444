"""A cluster on this machine, and what tests do to its executors."""

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SETTINGS = f"""\
spark.master local-cluster[2,1,1024]
spark.executor.memory 512m
spark.driver.memory 512m
spark.ui.enabled false
spark.ui.showConsoleProgress false
spark.executorEnv.PYTHONPATH {ROOT}
"""
"""Two workers, each with an executor of one core."""


def settings_in(folder: Path) -> dict[str, str]:
    """Variables that point Spark at its settings, which are written to a folder."""
    (folder / "spark-defaults.conf").write_text(SETTINGS)
    return {
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }


def kill_executor():
    """End the executor that the calling task runs in: the parent of its worker's parent."""
    of_daemon = Path(f"/proc/{os.getppid()}/stat").read_text()
    os.kill(int(of_daemon.rpartition(") ")[2].split()[1]), signal.SIGKILL)
