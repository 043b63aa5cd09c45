"""The twin's part of the command line `python -m migration_pipelines.twins salesforce`."""

import argparse
import os
from pathlib import Path

from migration_pipelines.twins.kit.app import TwinApp
from migration_pipelines.twins.salesforce.app import build_salesforce_twin
from migration_pipelines.twins.salesforce.applications import read_logins

SECRET = "SALESFORCE_TWIN_CLIENT_SECRET"  # noqa: S105 - the variable's name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--seed", type=Path, metavar="DIR", help="folder with org.json, describe/ and rows/")
    start.add_argument("--bare", action="store_true", help="standard objects, one org, one administrator (the default)")
    parser.add_argument("--switch", action="append", default=[], metavar="NAME=VALUE", help="see the twin's README")
    parser.add_argument("--client-id", help="the application that may log in by client credentials")
    parser.add_argument("--client-secret", default=os.environ.get(SECRET), help=f"its secret; default: ${SECRET}")
    parser.add_argument("--logins", type=Path, metavar="FILE", help="JSON with more applications and users' passwords")
    parser.add_argument("--token", action="append", default=[], help="a session id that is valid and never expires")


def build(args: argparse.Namespace) -> TwinApp:
    """Build the twin.

    Raises:
        ValueError: a switch, the seed folder or one of its files cannot be used.
    """
    if args.seed is not None and not args.seed.is_dir():
        raise ValueError(f"{args.seed} is not a folder")
    switches = dict(_pair(told) for told in args.switch)
    return build_salesforce_twin(
        seed=args.seed,
        switches=switches,
        database=str(args.data) if args.data else "",
        client_id=args.client_id,
        client_secret=args.client_secret,
        logins=read_logins(args.logins) if args.logins else None,
        tokens=args.token,
    )


def _pair(told: str) -> tuple[str, str]:
    name, separator, value = told.partition("=")
    if not separator:
        raise ValueError(f"--switch {told}: say NAME=VALUE")
    return name, value
