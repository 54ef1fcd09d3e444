"""Pure functions: counts in bins, and every statistic that follows from counts."""
