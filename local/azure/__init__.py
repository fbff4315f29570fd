"""Azure on one machine, on the wire: what the real SDKs talk to when there is no Azure.

Resource Manager (SQL, Compute, Network), managed identity, Key Vault secrets and a data endpoint for emulated databases.
Every reply cites what it is taken from, or says that it is a guess: see `evidence`.
"""
