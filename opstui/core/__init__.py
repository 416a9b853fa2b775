"""The domain and its words. Standard library only; every other room may know it, it knows none."""
