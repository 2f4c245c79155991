"""What runs inside the project's image."""
