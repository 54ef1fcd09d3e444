"""A made-up lender: models, a registry and a lake in which the truth is known."""
