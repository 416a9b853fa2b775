"""A stand-in for the managed service: real HTTP, stateful, scripted, and played by rules instead of a model."""
