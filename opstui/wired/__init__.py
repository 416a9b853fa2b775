"""What the wiring is made of: parts that are made late, runtimes elsewhere, prices of the config."""
