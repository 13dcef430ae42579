"""The story of each wrong submission: where it fails, how, with how many faults, and how many events tell it.

python benchmarks/stories.py
"""

import statistics

from course.catalog import exercises
from course.grading import grade
from course.report import load
from unreliable import Schedule

WANTED = 15


def main() -> None:
    """Prints a table, and what is to be said of all."""
    faults: list[int] = []
    told: list[int] = []
    happened: list[int] = []
    for exercise in exercises():
        print(f"\n{exercise.id}\n{'submission':58} {'test':48} {'anomaly':20} faults  events told, of")
        for path in exercise.submissions("wrong"):
            test = next(test for test in grade(exercise, load(path)).tests if test.outcome == "failed")
            if test.trace is None:  # it cannot be run at all
                print(f"{path.stem:58} {test.name:48} {test.problem and test.problem.kind}")
                continue
            schedule = (test.token or "").partition(":")[2]  # none, if the program cannot go on without any fault
            faults.append(len(Schedule.parse(schedule)) if schedule else 0)
            told.append(len(test.events))
            happened.append(len(test.trace.events))
            how = test.anomaly or "problem"
            print(f"{path.stem:58} {test.name:48} {how:20} {faults[-1]:6} {told[-1]:12}, {happened[-1]}")
    short = sum(count <= WANTED for count in told)
    print(f"\n{len(told)} stories, at most {max(faults)} faults; {short} are told in {WANTED} events or fewer")
    print(f"Events told: median {statistics.median(told):.0f}, most {max(told)}; ", end="")
    print(f"that happened: median {statistics.median(happened):.0f}, most {max(happened)}")


if __name__ == "__main__":
    main()
