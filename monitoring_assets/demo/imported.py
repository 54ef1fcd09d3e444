"""What each process of the demo needs of other projects; nothing here reads the environment."""

from monitoring_assets.checks.import_time import defer_import

# As the checks do before they import Great Expectations.
defer_import("scipy", "stats")

import dagster  # noqa: E402, F401
import duckdb  # noqa: E402, F401
import great_expectations  # noqa: E402, F401
import pyarrow.dataset  # noqa: E402
import pyarrow.parquet  # noqa: E402, F401
