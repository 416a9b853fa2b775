"""What executes sessions."""
