"""The command line: one module per group of commands; stdout is data, stderr is words, exit codes are an API."""
