"""VMs as real process trees: each boots from the custom data that the app gave it, word for word.

`differences.py` lists everything in which such a machine is not an Ubuntu VM in Azure; whatever custom data asks for
beyond that is refused aloud.
"""
