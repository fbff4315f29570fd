"""What keeps a repository healthy: check, repair, deletion, prune, and locks."""
