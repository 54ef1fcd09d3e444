"""What the lender decided of the scored: approvals, overrides, and the rule behind them."""
