"""What a backup is: policies, sources, sessions, chains, restore points, jobs, errors. Pure: no input or output."""
