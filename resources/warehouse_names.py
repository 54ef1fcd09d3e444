"""What a path says of a warehouse: the name of a server, and nothing secret."""

from __future__ import annotations

import re

WAREHOUSE = "warehouse"
DATABASES = ("postgres", "redshift", "snowflake", "bigquery")
"""How the URLs of servers start, which no path may hold."""


def warehouse_name(url: str) -> str:
    """Name of the server in a path.

    Raises
    ------
    ValueError
        If it is no plain name. What may be a password is not shown.

    Examples
    --------
    >>> warehouse_name("warehouse://risk/scoring.loans")
    'risk'
    """
    found = re.fullmatch(rf"{WAREHOUSE}://([a-z][a-z0-9_]*)(/.*)?", url)
    if found is None:
        raise ValueError(
            f"a table in a warehouse as {WAREHOUSE}://<name>/<schema>.<table>; its server's URL, "
            "with user and password, stands in the environment only, as "
            "MONITORING_WAREHOUSE_<NAME>_URL"
        )
    return found[1]
