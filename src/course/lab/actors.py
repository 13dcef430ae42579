"""A process of the lab, seen from outside: its lives, and what is done to them.

Rules
- A life is a process of the operating system's. It is killed with SIGKILL, and stopped with SIGSTOP.
- A process that was killed, or that failed, starts again at once; one that returned stays ended.
- Each process reaches Kafka by a proxy of its own, which loses requests and replies, or cuts it off for as long as
  a pause: the process runs on meanwhile, and the database hears it.
- `Fault.at` is a request, and `when` is before or after it; a fault without that strikes at a random moment.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import Any

import psycopg

from course.lab.proxy import OFFSET_COMMIT, PRODUCE, Proxy, Rule
from course.lab.stage import END_SESSIONS

APIS = {"AIOConsumer.commit": OFFSET_COMMIT, "AIOProducer.produce": PRODUCE}
LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Fault:
    """What happens to one life: `kind` is crash, pause, cut, lose request, lose reply, or error."""

    kind: str
    at: str | None = None
    when: str = "before"
    line: int | None = None
    after_s: float = 0.0  # at a random moment

    def __str__(self) -> str:
        if self.at is None:
            return f"{self.kind} {self.after_s:.2f} s after its start"
        return f"{self.kind} {self.when} {self.at}{_in_line(self.line)}"


@dataclass
class Activity:
    """What the processes of a round did, and what was done to them."""

    visited: dict[str, list[tuple[str, str, int | None]]] = field(
        default_factory=dict[str, list[tuple[str, str, int | None]]]
    )
    struck: list[str] = field(default_factory=list[str])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    problems: list[str] = field(default_factory=list[str])
    lasted_s: dict[str, float] = field(default_factory=dict[str, float])  # those that returned, their last life
    changed_at: float = 0.0

    def strikes(self, name: str, fault: Fault) -> None:
        self.struck.append(f"{name}: {fault}")
        self.counts[fault.kind] = self.counts.get(fault.kind, 0) + 1
        self.changed()

    def changed(self) -> None:
        self.changed_at = asyncio.get_running_loop().time()


@dataclass(frozen=True)
class Treatment:
    """How a process is treated: where its Kafka is, what strikes each of its lives, how long a pause is."""

    address: str
    faults: list[Fault]
    pause_s: float


class Actor:
    """One process of a scenario, from its first start to the end of the round."""

    def __init__(self, name: str, settings: dict[str, Any], treatment: Treatment, activity: Activity) -> None:
        self.name = name
        self.vain = 0  # how often in a row it waited for nothing
        self.returned = False
        self.failures = 0  # in a row, with nothing done between
        self.last_told = "has told nothing yet"
        self._settings = settings
        self._address = treatment.address
        self._faults = list(treatment.faults)
        self._pause_s = treatment.pause_s
        self.activity = activity
        self._life: asyncio.subprocess.Process | None = None
        self._killed: asyncio.subprocess.Process | None = None
        self._timer: asyncio.Task[None] | None = None

    async def act(self, start_s: float) -> None:
        """Life after life, until it returns or the round ends."""
        await asyncio.sleep(start_s)
        async with Proxy(self._address) as proxy:
            try:
                while not self.returned:
                    await self._live(proxy)
            finally:
                self.end()

    def end(self) -> None:
        """Nothing of it is left running."""
        if self._life is not None and self._life.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._life.kill()

    async def _live(self, proxy: Proxy) -> None:
        life = self._life = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "course.lab.life"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        started = asyncio.get_running_loop().time()
        errors = asyncio.create_task(_tail(life.stderr))
        try:
            clients = ("consumer", "producer")
            to_proxy = {name: {**self._settings[name], "bootstrap.servers": proxy.address} for name in clients}
            self._say(life, json.dumps(self._settings | to_proxy))
            await self._follow(life, proxy)
            status = await life.wait()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self.end()
            await life.wait()
            await asyncio.wait([errors])
        self.activity.lasted_s[self.name] = asyncio.get_running_loop().time() - started
        self._ended(status, await errors)

    def _ended(self, status: int, errors: str) -> None:
        self.vain = 0
        if status == 0:
            self.returned = True
            self.last_told = "has returned"
        elif status != -signal.SIGKILL:
            self.failures += 1
            self.activity.problems.append(f"{self.name}: {errors}")

    async def _follow(self, life: asyncio.subprocess.Process, proxy: Proxy) -> None:
        """Hears where the life is, and lets it go on, or not."""
        assert life.stdout is not None
        fault = self._expect(life)
        while line := await life.stdout.readline():
            told = json.loads(line)
            place = (told["at"], told["when"], told["line"])
            self.activity.visited.setdefault(self.name, []).append(place)
            self.last_told = f"was last heard of {told['when']} {told['at']}" + _in_line(told["line"])
            self._note(told)
            if fault is not None and (fault.at, fault.when, fault.line) == place:
                await self._strike(life, fault, proxy)
                fault = self._expect(life)
            else:
                self._say(life, "go")

    def _expect(self, life: asyncio.subprocess.Process) -> Fault | None:
        """The next fault: who survived the last one meets it in the same life."""
        if life.returncode is not None or not self._faults or self._killed is life:
            return None
        fault = self._faults.pop(0)
        if fault.at is None:
            self._timer = asyncio.create_task(self._strike_later(life, fault))
        return fault

    def _kill(self, life: asyncio.subprocess.Process) -> None:
        self._killed = life
        with contextlib.suppress(ProcessLookupError):
            life.kill()

    def _note(self, told: dict[str, Any]) -> None:
        waits = told["at"] in {"AIOConsumer.poll", "AIOConsumer.consume", "clock.sleep"}
        if (told["vain"] and waits) or (told["at"], told["when"]) == ("clock.sleep", "before"):
            self.vain += 1
        elif told["when"] == "after" or not waits:
            self.vain = 0
            self.failures = 0
            self.activity.changed()

    async def _strike(self, life: asyncio.subprocess.Process, fault: Fault, proxy: Proxy) -> None:
        self.vain = 0  # it has not come to rest before it has waited again
        self.activity.strikes(self.name, fault)
        word = "go"
        match fault.kind:
            case "crash":
                self._kill(life)
                return
            case "pause":
                await self._pause(life)
            case "cut":
                proxy.cut()
                asyncio.get_running_loop().call_later(self._pause_s, proxy.mend)
            case "error":
                word = "cancel"
            case _ if fault.at in APIS:
                proxy.rules.append(Rule(APIS[fault.at], fault.kind))
            case "lose reply":
                word = "break"
            case _:
                await _end_session(self._settings["postgres"], self._settings["application"])
        self._say(life, word)

    async def _strike_later(self, life: asyncio.subprocess.Process, fault: Fault) -> None:
        await asyncio.sleep(fault.after_s)
        self.vain = 0  # it has not come to rest before it has waited again
        self.activity.strikes(self.name, fault)
        if fault.kind == "pause":
            await self._pause(life)
        else:
            self._kill(life)

    async def _pause(self, life: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            life.send_signal(signal.SIGSTOP)
            await asyncio.sleep(self._pause_s)
            life.send_signal(signal.SIGCONT)
        self.activity.changed()

    @staticmethod
    def _say(life: asyncio.subprocess.Process, word: str) -> None:
        assert life.stdin is not None
        life.stdin.write(word.encode() + b"\n")


def _in_line(line: int | None) -> str:
    return f" in line {line}" if line else ""


async def _end_session(conninfo: str, application: str) -> None:
    """PostgreSQL ends the session before the COMMIT gets there."""
    async with await psycopg.AsyncConnection.connect(conninfo, application_name="course-lab") as connection:
        await connection.execute(f"{END_SESSIONS} = %s", (application,))


async def _tail(stream: asyncio.StreamReader | None) -> str:
    """The last line that says something; all is read, so that nobody waits for us."""
    assert stream is not None
    last = ""
    while line := await stream.readline():
        last = line.decode("utf-8", "replace").strip() or last
    return last
