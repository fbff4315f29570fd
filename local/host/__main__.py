"""`python -m local.host`."""

from local.host.main import run

run()
