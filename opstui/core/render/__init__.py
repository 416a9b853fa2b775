"""Documents as text for people: comments in plain text, packages in Markdown."""
