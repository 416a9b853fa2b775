"""Contract suites: subclass one, hand it an adapter by its fixtures, and pytest checks each promise of its port."""
