"""Contract suites: subclass one, hand it an adapter through its fixtures, and pytest checks every promise of its port."""
