"""Adapters of promptecho, one module for each HTTP library, found by name (``promptecho._backends.adapters``)."""
