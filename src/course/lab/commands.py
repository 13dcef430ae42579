"""`course lab up|down|status` are the servers of the lab, `course lab run FILE` is what they are for."""

import argparse
import sys
from pathlib import Path
from typing import Any

from course import catalog, grading, report
from course.lab import LabError
from course.pytest_plugin import Manner


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
    run = actions.add_parser("run", help="run a file on real Kafka and PostgreSQL, and kill it again and again")
    run.add_argument("file", type=Path, metavar="FILE")
    run.add_argument("--exercise", metavar="ID", help="the exercise, if the file's name does not tell")
    run.add_argument("--against", choices=("kafka",), default="kafka", help="real Apache Kafka (the only choice)")
    run.add_argument("--kafka", metavar="ADDRESS", help="a Kafka that runs already: HOST:PORT")
    run.add_argument("--postgres", metavar="CONNINFO", help="a PostgreSQL that runs already")
    run.add_argument("--test", metavar="NAME", help="only this test of the exercise")
    run.add_argument("--kills", type=int, default=13, metavar="N", help="SIGKILLs for each test (default 13)")
    run.add_argument("--pauses", type=int, default=10, metavar="N", help="SIGSTOPs for each test (default 10)")
    run.add_argument("--cuts", type=int, default=3, metavar="N", help="cuts from Kafka for each test (default 3)")
    run.add_argument("--losses", type=int, default=6, metavar="N", help="lost messages for each test (default 6)")
    run.add_argument("--errors", type=int, default=4, metavar="N", help="cancelled statements (default 4)")
    run.add_argument("--seed", default="lab", metavar="TEXT", help="draws other random faults")
    run.set_defaults(command=_with_lab(_run))


def _with_lab(command: Any) -> Any:
    """The command, or what is missing for it: the page's Python and a plain install have no clients."""

    def run(options: argparse.Namespace) -> int:
        try:
            import confluent_kafka  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]
            import psycopg  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]
        except ImportError as error:
            raise LabError(
                f"The lab needs the package {error.name}, which `make install` puts into .venv."
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


_errors = sys.stderr  # pytest takes the names away while it runs


def _tell(line: str) -> None:
    print(line, file=_errors, flush=True)


def _run(options: argparse.Namespace) -> int:
    from course.lab import servers  # noqa: PLC0415
    from course.lab.judging import Judge  # noqa: PLC0415
    from course.lab.stage import Stage  # noqa: PLC0415

    program = report.load(options.file)
    exercise = catalog.exercise(options.exercise) if options.exercise else catalog.exercise_of(options.file)
    quota = {"crash": options.kills, "pause": options.pauses, "cut": options.cuts}
    quota |= {"lose": options.losses, "error": options.errors}
    with servers.servers(options.kafka, options.postgres) as running, Stage(running) as stage:
        program.filename = str(options.file.resolve())
        judge = Judge(stage, program, str(exercise.grader), quota, options.seed, _tell)
        results = grading.grade(exercise, program, Manner(elsewhere=judge, only=options.test))
    if judge.trouble is not None:
        raise judge.trouble
    print(report.text(results, options.file))
    done = ", ".join(f"{kind} {count} times" for kind, count in sorted(judge.total.items())) or "no faults"
    print(f"\n{judge.rounds} rounds on Apache Kafka and PostgreSQL: {done}.")
    return 0 if results.passed else 1
