"""Great Expectations over profiles, and their mapping to Dagster asset checks.

Rows never enter Great Expectations: it judges one small table of counts for each asset and
partition. Only the body of a check imports it, as that takes seconds.

A check is an entry of `resources.manifest.CHECKS` and a module of its name here, which has its
expectations and ``expectations(table, manifest)``: those of a day, as the manifest has it. The
table is that of the asset in `monitoring_assets.checks.tables`. (``delivered`` is no such check: it
looks into the outbox, and never blocks.)
"""
