"""Performance of cohorts as outcomes mature."""
