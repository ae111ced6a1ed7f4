"""What keeps credentials off the disk."""
