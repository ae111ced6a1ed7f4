"""Bodies as bytes, and as what a file holds: codings, trees of JSON, events of streams."""
