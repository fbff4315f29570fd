"""One step a file; ids and references in and out, a few kilobytes, never data. Every activity may run twice."""
