"""The crew: marks many units at once, on the cores of this machine or on a Dask cluster.

Rules
- Each unit is yielded once, whoever marked it and however often it was tried.
- Only a few units are under way at a time, so that a class of any size fits into memory.
- A worker that dies takes no marks with it: what it was at is tried again, on this machine alone; who kills its
  worker every time gets a grader error, and the others go on.
- Workers end with this process, however it ends, and after some tasks, so that none grows without end.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from multiprocessing.connection import wait as wait_for
from typing import Any

from course.marking.marker import Unit, grader_error, mark
from course.marking.store import Mark

AHEAD = 4  # units under way for each worker: none of them waits for the next
CONNECT_S = 10
MOST_TASKS = 400  # of each worker of a pool, before new ones take their place

type Marked = Iterator[tuple[Unit, Mark]]
type Work = Callable[[Unit], Mark]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_processes(units: Iterable[Unit], jobs: int, work: Work = mark) -> Marked:
    """Marks on so many cores of this machine."""
    units = iter(units)
    for first in units:
        broken: list[Unit] = []
        with _pool(jobs) as pool:
            some = chain([first], islice(units, MOST_TASKS * jobs - 1))
            yield from _spread(some, jobs, partial(pool.submit, work), broken)
        for unit in broken:
            yield unit, _alone(unit, work)


class NoCluster(Exception):
    """No Dask scheduler is at the address, or it went away."""


def on_dask(units: Iterable[Unit], address: str) -> Marked:
    """Marks on the workers of an existing cluster, which have this course installed; raises NoCluster."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # we say it in one line
    try:
        yield from _on_cluster(units, address)
    except ModuleNotFoundError as error:
        raise NoCluster(f"--dask needs Dask, which `make install` has: {error}.") from error
    except (OSError, CancelledError) as error:
        raise NoCluster(
            f"No Dask scheduler answers at {address}: {error}. What is marked is kept: the same command goes on "
            "where it was, with --dask or without."
        ) from error


def _on_cluster(units: Iterable[Unit], address: str) -> Marked:
    from distributed import Client  # noqa: PLC0415 an extra that few need
    from distributed import as_completed as ended  # noqa: PLC0415

    units = iter(units)
    try:
        client: Any = Client(address, timeout=CONNECT_S)
    except ValueError as error:  # no such kind of address
        raise OSError(error) from error
    with client:

        def submit(unit: Unit) -> Any:
            return client.submit(_one_at_a_time, unit, key=f"mark-{unit.key}", pure=True, retries=5)  # pyright: ignore

        known: dict[str, Unit] = {}
        done: Any = ended()  # pyright: ignore[reportUnknownVariableType]
        width = AHEAD * max(1, len(client.scheduler_info()["workers"]))  # pyright: ignore

        def send(most: int) -> None:
            for unit in islice(units, most):
                future = submit(unit)
                known[future.key] = unit
                done.add(future)

        send(width)
        for future in done:
            unit = known.pop(future.key)
            error = future.exception()
            yield unit, future.result() if error is None else grader_error(unit, f"{error}")
            send(1)


def _spread(
    units: Iterable[Unit], jobs: int, submit: Callable[[Unit], Future[Mark]], broken: list[Unit]
) -> Marked:
    """Keeps a pool busy. Units whose worker died are left in `broken`."""
    units = iter(units)
    under_way: dict[Future[Mark], Unit] = {}
    while True:
        for unit in islice(units, 0 if broken else AHEAD * jobs - len(under_way)):
            try:
                under_way[submit(unit)] = unit
            except BrokenProcessPool:
                broken.append(unit)
                break
        if not under_way:
            return
        try:
            done = wait(under_way, return_when=FIRST_COMPLETED).done
        except KeyboardInterrupt:  # what has begun is ended, and counts
            begun = {future: unit for future, unit in under_way.items() if not future.cancel()}
            ended = (future for future in as_completed(begun) if future.exception() is None)
            yield from ((begun[future], future.result()) for future in ended)
            raise
        for future in done:
            unit = under_way.pop(future)
            try:
                yield unit, future.result()
            except BrokenProcessPool:
                broken.append(unit)


def _alone(unit: Unit, work: Work) -> Mark:
    """Marks in a pool of its own, so that whoever kills it is known."""
    with _pool(1) as pool:
        try:
            return pool.submit(work, unit).result()
        except BrokenProcessPool:
            return grader_error(unit, "The grader's process died twice while it graded this submission.")


@contextmanager
def _pool(jobs: int) -> Generator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """A worker's first act: sees to it that it ends with its parent, and not when the terminal interrupts both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


_turn = threading.Lock()


def _one_at_a_time(unit: Unit) -> Mark:
    """In a Dask worker: pytest and the standard streams belong to a whole process, whatever its threads."""
    with _turn:
        return mark(unit)
