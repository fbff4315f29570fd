"""A stand-in for the preflight probe: the same answers, taken from the model of an emulated database instead of an engine."""
