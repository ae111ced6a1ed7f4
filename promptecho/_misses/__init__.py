"""How a request that no recording answers reaches the user."""
