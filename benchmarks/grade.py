"""What it takes to mark a class: time, memory, and what a second worker gains, with processes and with Dask.

python benchmarks/grade.py                                  a small class, on each crew
python benchmarks/grade.py --students 300 --crews "2 processes" --kills 20
python benchmarks/grade.py … --keep FOLDER                  what FOLDER has of an earlier start is not done again

Each student hands in every exercise: a starter, a solution, or one of the right and wrong submissions of the
course, drawn by chance and with a line of their own, so that no mark is shared.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psutil
from distributed import LocalCluster

from course.catalog import exercises

CREWS = ("1 processes", "2 processes", "1 Dask", "2 Dask")
MIB = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    seconds: float
    processor_s: float  # of all processes of the machine together
    memory_bytes: int  # of all processes together, at its peak


type Class = dict[tuple[str, str], bool]  # whether what a student hands in for an exercise is right


def hand_in(folder: Path, students: int) -> Class:
    """Writes a class's submissions."""
    dice = random.Random(5)
    handed_in: Class = {}
    for number in range(students):
        student = f"student {number:04}"
        for exercise in exercises():
            right = (exercise.solution, *exercise.submissions("right"))
            path = dice.choice([exercise.starter, *right, *exercise.submissions("wrong")])
            target = folder / student / f"{exercise.id}.py"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(f"{path.read_text('utf-8')}\n# by student {number}\n", "utf-8")
            handed_in[student, exercise.id] = path in right
    return handed_in


def passed(out: Path) -> Class:
    """Which submissions have passed."""
    results = json.loads((out / "results.json").read_text("utf-8"))
    marks = [(line["student"], mark) for line in results["students"] for mark in line["exercises"]]
    return {(student, mark["exercise"]): mark["outcome"] == "passed" for student, mark in marks}


def command(folder: Path, out: Path, *options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "course",
        "grade",
        str(folder),
        "--out",
        str(out),
        "--no-misconceptions",
        *options,
    ]


def marked(folder: Path, out: Path, crew: str) -> Cost:
    """Marks the class with "2 processes", or with as many workers of a Dask cluster that is there already."""
    workers, kind = crew.split()
    used = processor_s()
    with peak() as most:
        start = time.perf_counter()
        if kind == "processes":
            run(command(folder, out, "--jobs", workers))
            seconds = time.perf_counter() - start
        else:
            with LocalCluster(
                n_workers=int(workers), threads_per_worker=1, host="127.0.0.1", dashboard_address=None
            ) as there:
                run(command(folder, out, "--dask", there.scheduler_address))
                seconds = time.perf_counter() - start
    return Cost(seconds, processor_s() - used, most[0])


def kept(file: Path, measured: Callable[[], Cost]) -> Cost:
    """The cost that an earlier start wrote down, or one that is measured now."""
    if not file.exists():
        file.write_text(json.dumps(asdict(measured())), "utf-8")
    return Cost(**json.loads(file.read_text("utf-8")))


def run(grading: list[str]) -> None:
    subprocess.run(grading, stdout=subprocess.DEVNULL, check=True)


def processor_s() -> float:
    """What all processors have worked: who was in a jail is nobody's child when its time would be counted."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system


@contextmanager
def peak() -> Iterator[list[int]]:
    """The most memory that this process and all below have had so far; shared pages count once."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.25):
            total = 0
            for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
                with suppress(psutil.Error):
                    total += process.memory_full_info().pss
            most[0] = max(most[0], total)

    thread = threading.Thread(target=watch)
    thread.start()
    yield most
    over.set()
    thread.join()


def killed(folder: Path, out: Path, kills: int, expected_s: float) -> int:
    """Marks the class although its process is killed at random moments; how many kills met it at work."""
    tally = out.with_name("kills")  # a line for each, as an earlier start may have begun
    dice = random.Random(5)
    for number in range(kills):
        patience_s = dice.uniform(0, 2 * expected_s / kills)
        if tally.exists() and number < len(tally.read_text("utf-8").splitlines()):
            continue
        process = subprocess.Popen(command(folder, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
        at_work = process.poll() is None
        if at_work:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with tally.open("a", encoding="utf-8") as lines:
            lines.write("at work\n" if at_work else "too late\n")
    run(command(folder, out))
    return tally.read_text("utf-8").splitlines().count("at work")


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--students", type=int, default=8)
    parser.add_argument("--crews", action="append", choices=CREWS)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    try:
        measure(folder, options.students, options.crews or CREWS, options.kills)
    finally:
        if options.keep is None:
            shutil.rmtree(folder)


def measure(folder: Path, students: int, crews: tuple[str, ...], kills: int) -> None:
    handed_in = hand_in(folder / "in", students)
    submissions = len(handed_in)
    print(f"{students} students, {len(exercises())} exercises; load of the machine: {os.getloadavg()[0]:.1f}")
    costs: dict[str, Cost] = {}
    for crew in crews:
        out = folder / crew
        cost = costs[crew] = kept(folder / f"{crew}.json", partial(marked, folder / "in", out, crew))
        gain = costs.get(f"1 {crew.split()[1]}", cost).seconds / cost.seconds
        print(
            f"{crew}: {cost.seconds:,.1f} s, {submissions / cost.seconds:.2f} marks a second "
            f"({gain:.2f} times 1 worker), {cost.processor_s / submissions:.2f} s of a processor a mark, "
            f"at most {cost.memory_bytes / MIB:,.0f} MiB, {size(out) / submissions / 1024:.0f} KiB on disk a "
            f"mark; load {os.getloadavg()[0]:.1f}"
        )
        assert (out / "results.json").read_bytes() == (folder / crews[0] / "results.json").read_bytes()
    marked_wrongly = [who for who, has_passed in passed(folder / crews[0]).items() if has_passed != handed_in[who]]
    right = sum(handed_in.values())
    print(
        f"{right:,} right and {submissions - right:,} wrong submissions; wrong marks: {marked_wrongly or 'none'}"
    )
    if kills:
        met = killed(folder / "in", folder / "killed", kills, costs[crews[-1]].seconds)
        undisturbed = (folder / crews[0] / "results.json").read_bytes()
        assert (folder / "killed" / "results.json").read_bytes() == undisturbed
        print(f"killed {met} times at work, of {kills}: the same results.json, byte for byte")


if __name__ == "__main__":
    main()
