"""What runs sessions."""
