"""Contract suites: subclass one, hand it an adapter through its fixtures, and pytest checks each promise of its port."""
