"""`python -m local.samples NAME --day N --scale S --to FILE`: writes a sample as a BACPAC."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from holdfast.model.errors import HoldfastError
from local.samples.databases import SAMPLES, write_sample


def main() -> int:
    """Runs the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.samples", description="Writes a sample as a BACPAC.")
    parser.add_argument("name", choices=list(SAMPLES), help="which database")
    parser.add_argument("--day", type=int, default=0, help="day N is day N-1 with a day's changes (0)")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a few MB")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other rows")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the BACPAC to write")
    given = parser.parse_args()
    try:
        write_sample(given.to, given.name, given.day, given.scale, given.seed)
    except (HoldfastError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code if isinstance(error, HoldfastError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
