"""Adapters of promptecho, one module for each HTTP library; they are found by name through ``promptecho._backend``."""
