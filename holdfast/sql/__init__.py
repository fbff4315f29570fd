"""T-SQL on a source or a staging copy, run on the worker only: what preflight asks, and what the answers mean."""
