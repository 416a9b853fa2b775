"""Where secrets are found: variables, the keyring, commands, files."""
