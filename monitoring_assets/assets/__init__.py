"""Assets: one a file."""
