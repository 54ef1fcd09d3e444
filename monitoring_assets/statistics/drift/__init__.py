"""Drift: two profiles are compared."""
