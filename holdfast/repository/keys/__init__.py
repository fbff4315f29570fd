"""Who can open a repository: credentials, key slots and the keys they wrap."""
