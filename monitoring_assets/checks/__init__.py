"""Great Expectations over profiles, and their mapping to Dagster asset checks.

Rows never enter Great Expectations: it judges one small table of counts for each asset and
partition. Only the body of a check imports it, as that takes seconds.
"""
