"""Which recording answers a request: its identity, and what of it counts."""
