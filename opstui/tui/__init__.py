"""The full-screen app: is handed a desk, asks it questions and gives it commands."""
