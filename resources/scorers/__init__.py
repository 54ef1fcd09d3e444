"""Scorers: how a model's score of each row is had, one flavour a module.

A scorer reads the features of a partition and writes a Parquet file of (key, score) whose rows and
row groups are those of the features. No flavour loads a pickle.
"""
