"""Restore points written and read: from a BACPAC's entries to packs and one manifest, and back."""
