"""`python -m migration_pipelines.twins kommo --port 8802`: run one twin in the foreground."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from migration_pipelines.twins.kit.serve import Certificate, serve

TWINS = {"salesforce": 8801, "kommo": 8802}
"""Each twin's default port. Its package has a `cli.py` with `add_arguments(parser)` and `build(args)`."""


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m migration_pipelines.twins", description=__doc__)
    parser.add_argument("twin", choices=TWINS)
    if not arguments or arguments[0] not in TWINS:
        parser.parse_args(arguments[:1])
    name = arguments[0]
    twin = import_module(f"migration_pipelines.twins.{name}.cli")

    parser = argparse.ArgumentParser(prog=f"{parser.prog} {name}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=TWINS[name])
    parser.add_argument("--anywhere", action="store_true", help="allow a host that other machines can reach")
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="serve https with this certificate")
    parser.add_argument("--key", type=Path, metavar="PEM", help="the certificate's private key")
    parser.add_argument("--data", type=Path, help="SQLite file to keep the state in; without it, memory")
    twin.add_arguments(parser)
    options = parser.parse_args(arguments[1:])
    if (options.certificate is None) != (options.key is None):
        parser.error("--certificate and --key come together")
    try:
        serve(
            twin.build(options),
            options.host,
            options.port,
            anywhere=options.anywhere,
            certificate=Certificate(options.certificate, options.key) if options.certificate else None,
            on_listening=lambda url: _say(name, url),
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))


def _say(name: str, url: str) -> None:
    sys.stdout.write(f"{name} twin on {url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
