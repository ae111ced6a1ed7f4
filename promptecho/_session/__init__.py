"""One use of a cassette, from its opening to its end: what happens to each call."""
