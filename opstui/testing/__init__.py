"""Contract suites: subclass one, hand it an adapter by its fixtures, and pytest checks each promise of its port.

``opstui.testing.tickets`` is the one that a connector of another package has to pass; its module says how. The others
are of stores, runtimes and knowledge. ``builders`` has a clock and chance that a test owns.
"""
