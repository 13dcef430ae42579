"""`course lab up|down|status`: the servers of the lab."""

import argparse
from typing import Any

from course.lab import LabError


def add(commands: Any) -> None:
    """Adds `lab` to the command line."""
    lab = commands.add_parser("lab", help="real Kafka and PostgreSQL: start them, and run a file on them")
    actions = lab.add_subparsers(required=True, metavar="ACTION")
    up = actions.add_parser("up", help="start Kafka and PostgreSQL, and leave them running")
    up.add_argument(
        "--with",
        dest="kind",
        choices=("maven", "docker"),
        default="maven",
        help="maven: this machine's Java and PostgreSQL (default); docker: lab/compose.yaml",
    )
    up.set_defaults(command=_with_lab(_up))
    actions.add_parser("down", help="end them").set_defaults(command=_with_lab(_down))
    actions.add_parser("status", help="where they are, and whether they answer").set_defaults(
        command=_with_lab(_status)
    )


def _with_lab(command: Any) -> Any:
    """The command, or what is missing for it: the page's Python and a plain install have no clients."""

    def run(options: argparse.Namespace) -> int:
        try:
            import confluent_kafka  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]
            import psycopg  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]
        except ImportError as error:
            raise LabError(
                f"The lab needs the package {error.name}: `pip install effectively-once[lab]`."
            ) from None
        return command(options)

    return run


def _up(options: argparse.Namespace) -> int:
    from course.lab import servers  # noqa: PLC0415

    running = servers.up(options.kind)
    print(f"Kafka       {running.kafka}\nPostgreSQL  {running.postgres}\n`course lab down` ends them.")
    return 0


def _down(options: argparse.Namespace) -> int:
    from course.lab import servers  # noqa: PLC0415

    print("The servers have ended." if servers.down() else "No servers of `course lab up` are running.")
    return 0


def _status(options: argparse.Namespace) -> int:
    from course.lab import servers  # noqa: PLC0415

    running, trouble = servers.status()
    if running is None:
        print("No servers are running. `course lab up` starts them; `course lab run` starts its own.")
        return 1
    print(f"Kafka       {running.kafka}\nPostgreSQL  {running.postgres}")
    print(trouble or "Both answer.")
    return 1 if trouble else 0
