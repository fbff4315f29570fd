"""The objects that are stored: packs, indexes, manifests, records and the description; sealed, named and found again."""
