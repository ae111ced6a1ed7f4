"""What goes around a cassette: noticed, named, held back."""
