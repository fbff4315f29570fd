"""A stand-in for the preflight probe: the same answers, taken from an emulated database's model instead of an engine."""
