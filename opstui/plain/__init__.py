"""The line-by-line dialogue for screen readers and dumb terminals."""
