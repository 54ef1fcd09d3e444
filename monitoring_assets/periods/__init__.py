"""Figures of weeks, months and years, from what is stored of their days."""
