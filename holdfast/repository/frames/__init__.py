"""How a frame's bytes are coded: rows split into typed columns by the model, and plain."""
