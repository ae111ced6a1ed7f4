"""What adapters of HTTP libraries are built from."""
