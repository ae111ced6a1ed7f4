"""Files that git, editors or people changed: joined, told apart, made whole again."""
