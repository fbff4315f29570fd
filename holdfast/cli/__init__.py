"""`holdfast`, the command: one file a noun. Data goes to stdout, talk and progress to stderr; exit codes are documented."""
