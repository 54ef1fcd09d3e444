"""A real cluster of Apache Spark on this machine."""

import pytest

from monitoring_assets.engines.cluster import Cluster
from tests.conftest import s3_environment
from tests.monitoring_assets.engines.executors import settings_in


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str):
    """The cluster, as a deployment sets one up: by Spark's own file of settings, and S3's."""
    pytest.importorskip("pyspark", reason="PySpark is not installed: run `make test-spark`")
    with pytest.MonkeyPatch.context() as patched:
        settings = settings_in(tmp_path_factory.mktemp("spark")) | s3_environment(s3_endpoint)
        for name, value in settings.items():
            patched.setenv(name, value)
        return Cluster.connected()
