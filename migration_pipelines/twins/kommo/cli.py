"""The Kommo twin's arguments on the command line."""

import argparse
import os
from pathlib import Path

from migration_pipelines.twins.kit.app import TwinApp
from migration_pipelines.twins.kommo.app import build_kommo_twin
from migration_pipelines.twins.kommo.oauth import SCOPES, Application
from migration_pipelines.twins.kommo.seeding import read_seed

SECRET = "KOMMO_TWIN_CLIENT_SECRET"  # noqa: S105 - the variable's name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=Path, help="JSON file with users, pipelines, fields and records to begin with")
    parser.add_argument("--switch", action="append", default=[], metavar="NAME=VALUE", help="see the twin's README")
    parser.add_argument(
        "--token", action="append", help="a Bearer token to honour; default: $KOMMO_TWIN_TOKEN, or twin-token"
    )
    known = Application()
    parser.add_argument("--client-id", default=known.client_id, help="the integration that may sign in by OAuth")
    parser.add_argument(
        "--client-secret", default=os.environ.get(SECRET) or known.client_secret, help=f"its secret; default: ${SECRET}"
    )
    parser.add_argument("--redirect-uri", default=known.redirect_uri, help="where its authorization codes go")
    parser.add_argument(
        "--scope", action="append", choices=SCOPES, help="a scope that every token has; default: all of them"
    )


def build(args: argparse.Namespace) -> TwinApp:
    return build_kommo_twin(
        seed=read_seed(args.seed) if args.seed else None,
        switches=dict(_pair(told) for told in args.switch),
        database=str(args.data or ":memory:"),
        tokens=args.token or (os.environ.get("KOMMO_TWIN_TOKEN") or "twin-token",),
        application=Application(
            args.client_id, args.client_secret, args.redirect_uri, tuple(args.scope) if args.scope else SCOPES
        ),
    )


def _pair(told: str) -> tuple[str, str]:
    name, equals, value = told.partition("=")
    if not equals:
        raise ValueError(f"say --switch NAME=VALUE, not {told!r}")
    return name, value
