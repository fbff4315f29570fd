"""The local Azure Functions host with Durable Functions: runs an unchanged `function_app.py` on one machine.

It speaks what the public SDK speaks (history in, actions out, the client's HTTP calls), keeps its state in one SQLite
file and survives being killed at any moment. Activities run at least once, as in Azure.
"""
