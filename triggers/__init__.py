"""What starts work: the clock, the HTTP API, worker events. Parse, authorise, start or query, serialise; no rules."""
