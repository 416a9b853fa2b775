"""One module a kind of document: its parts, and what the rest of the program has to know of it."""
