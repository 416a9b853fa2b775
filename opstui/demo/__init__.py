"""The demo: a small company's incidents, its runbooks, and what happens while somebody watches."""
