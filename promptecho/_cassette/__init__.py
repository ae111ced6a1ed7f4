"""What is in a file, and how it gets there and back."""
