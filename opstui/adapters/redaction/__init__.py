"""Finding what must not leave this machine: rules on google-re2, checks, and an exact match of our own secrets."""
