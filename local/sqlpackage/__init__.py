"""A stand-in for SqlPackage's export and import: its command line, its lines, its messages, its exit codes.

What it exports, as a valid new BACPAC, and what it fills are databases of the local Azure emulator. It says on every run
that it is a stand-in. It is installed on emulated workers exactly as the real one on real workers: as a ZIP with an
executable `sqlpackage` in it (`delivery`).
"""
