"""`python -m chaos faults` and `python -m chaos kills`: the long proofs, each with a table. `--every 50` for a look."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from chaos import faults, kills
from chaos.case import Name, run_all

PROOFS = {"faults": faults.open_cases, "kills": kills.open_cases}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("what", choices=PROOFS)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--every", type=int, default=1, help="of each kind one case in so many")
    parser.add_argument("--only", help="one kind of case, as the table names it")
    parser.add_argument("--case", type=int, help="one case of that kind")
    parser.add_argument("--workers", type=int, default=2, help="processes at once")
    options = parser.parse_args()

    def is_wanted(name: Name) -> bool:
        return options.only in (None, name[0]) and options.case in (None, name[1])

    every = 1 if options.case is not None else options.every
    open_cases = partial(PROOFS[options.what], options.seed, every)
    return 1 if run_all(options.what, open_cases, is_wanted, seed=options.seed, workers=options.workers) else 0


if __name__ == "__main__":
    sys.exit(main())
