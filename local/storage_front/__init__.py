"""The storage accounts' edge before Azurite: https, Entra tokens, roles, delegation SAS, rehydration, faults.

Azurite knows account keys only, rehydrates at once and never refuses an identity; this layer adds what Azure does on the
wire, so that production code meets it here first. Bodies stream through in both directions with bounded memory.
"""
