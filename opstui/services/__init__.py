"""What an operator can do: the desk's work, through the core's ports."""
