"""What other programs may rely on: JSON, CSV and Markdown made of the core's objects. Pure functions."""
