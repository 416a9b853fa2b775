"""Approved pages, and full-text search over them."""
