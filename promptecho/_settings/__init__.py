"""What the user asked for: arguments, project, environment, and names that no one has."""
