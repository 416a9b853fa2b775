"""opstui: ticket queues, agent sessions and reviewed updates in one terminal program."""

__version__ = "0.1.0"
