"""How well scores predict outcomes: estimated from counts, or realised in one pass over rows."""
