"""What two days have in common: chunks and their trees, the walk along an older stream, programs of copies and literals."""
