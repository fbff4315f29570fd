"""What stands in a table's rows: where each value lies, and the value itself as Arrow arrays."""
