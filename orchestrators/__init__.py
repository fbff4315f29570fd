"""The order of steps: deterministic generators, one saga a file.

Rules that every file here keeps (why: docs/explanation/durable.md): nothing reads a clock, the environment or a random
number but through `context`; children return `{"ok": false}` and never raise; one task at a time inside a saga, and
`task_all` only over children that cannot raise; ids and counters in and out, never data, never a secret.
"""
