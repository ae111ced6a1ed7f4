"""Forks and child processes."""
