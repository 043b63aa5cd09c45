"""The Kommo twin's arguments on the command line."""

import argparse
import os
from pathlib import Path

from migration_pipelines.twins.kit.app import TwinApp
from migration_pipelines.twins.kommo.app import build_kommo_twin
from migration_pipelines.twins.kommo.seeding import read_seed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=Path, help="JSON file with users, pipelines, fields and records to begin with")
    parser.add_argument("--switch", action="append", default=[], metavar="NAME=VALUE", help="see the twin's README")
    parser.add_argument(
        "--token", action="append", help="a Bearer token to honour; default: $KOMMO_TWIN_TOKEN, or twin-token"
    )


def build(args: argparse.Namespace) -> TwinApp:
    return build_kommo_twin(
        seed=read_seed(args.seed) if args.seed else None,
        switches=dict(_pair(told) for told in args.switch),
        database=str(args.data or ":memory:"),
        tokens=args.token or (os.environ.get("KOMMO_TWIN_TOKEN") or "twin-token",),
    )


def _pair(told: str) -> tuple[str, str]:
    name, equals, value = told.partition("=")
    if not equals:
        raise ValueError(f"say --switch NAME=VALUE, not {told!r}")
    return name, value
