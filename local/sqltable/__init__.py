"""A stand-in for the table loader on emulated databases: the product's own speaks TDS, which nothing here answers."""
