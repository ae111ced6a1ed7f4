"""Measures promptecho beside the bare libraries and its peers: ``python -m benchmarks``; see README.md here."""
