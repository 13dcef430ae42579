"""What a learner's module can import: pure computation, the client libraries, and clocks that are the world's.

Rules
- `time`, `datetime`, `random` and `uuid` are deterministic: they read the world's clock, and chance is seeded
  by the process and the number of its start. The world is told that they were used (`Shims.observed`), because
  states that differ only in the clock are no longer alike for such a program.
- Everything else that could reach out of the world is refused, and the refusal says what to use instead.
"""

import datetime as real_datetime
import importlib
import random as real_random
import sys
import uuid as real_uuid
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Never

from unreliable.clients.other import Clock

COMPUTING = frozenset(
    [
        "abc",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "itertools",
        "json",
        "logging",
        "math",
        "numbers",
        "operator",
        "re",
        "statistics",
        "string",
        "struct",
        "textwrap",
        "types",
        "typing",
        "typing_extensions",
        "zlib",
        "__future__",
        "_strptime",  # what datetime's own strptime imports
    ]
)
CLIENTS = {
    "confluent_kafka": "unreliable.clients.confluent_kafka",
    "confluent_kafka.aio": "unreliable.clients.confluent_kafka",
    "psycopg": "unreliable.clients.psycopg",
    "psycopg.errors": "unreliable.clients.psycopg",
}
ADVICE = {
    "threading": "There is one thread: use await.",
    "socket": "There is no network but the objects that your function is handed.",
    "os": "There are no files and no environment: keep what must last in the database.",
    "io": "There are no files: keep what must last in the database.",
    "pathlib": "There are no files: keep what must last in the database.",
    "sqlite3": "Use the `db` that your function is handed.",
}


class Refused(Exception):
    """A learner's program asked for something that does not exist in this world."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what} {advice}")
        self.what = what
        self.advice = advice


def refuse(name: str, advice: str) -> Callable[..., Never]:
    """A function that refuses whenever it is called."""

    def refusal(*_: object, **__: object) -> Never:
        raise Refused(f"{name} is not available here.", advice)

    return refusal


class Chance:
    """The random numbers of one start of a process: made when first asked for."""

    __slots__ = ("_random", "seed")

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._random: real_random.Random | None = None

    @property
    def random(self) -> real_random.Random:
        if self._random is None:
            self._random = real_random.Random(self.seed)
        return self._random


class Shims:
    """The modules of one program. `now_ms` and `chance` are set whenever one of its processes gets the word."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.observed = False
        self.chance = Chance("")
        self._made = {
            "asyncio": _asyncio,
            "time": self._time,
            "datetime": self._datetime,
            "random": self._chance,
            "secrets": self._secrets,
            "sys": self._sys,
            "uuid": self._uuid,
        }
        self._modules: dict[str, ModuleType] = {}

    def find(self, name: str) -> ModuleType:
        """The module that `import name` gives; raises Refused."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def _find(self, name: str) -> ModuleType:
        root = name.partition(".")[0]
        if name in self._made:
            return self._made[name]()
        if name in CLIENTS:
            return _client(name)
        if root in COMPUTING:
            return importlib.import_module(name)
        advice = ADVICE.get(root, "Use what your function is handed, and the standard library's pure computation.")
        raise Refused(f"`import {name}` is not available here.", advice)

    def observe_now_ms(self) -> int:
        """The world's time, for somebody who will remember it."""
        self.observed = True
        return self.now_ms

    def hash(self, value: object) -> int:
        """`hash`: of text another number in each start of Python, as it is where nobody sets PYTHONHASHSEED."""
        if not isinstance(value, str | bytes | tuple | frozenset):
            return hash(value)
        self.observed = True
        return zlib.crc32(f"{self.chance.seed}/{value!r}".encode())

    def _seconds(self) -> float:
        return self.observe_now_ms() / 1000

    def _time(self) -> ModuleType:
        return _module(
            "time",
            time=self._seconds,
            monotonic=self._seconds,
            perf_counter=self._seconds,
            time_ns=lambda: self.observe_now_ms() * 1_000_000,
            monotonic_ns=lambda: self.observe_now_ms() * 1_000_000,
            sleep=refuse(
                "`time.sleep`", "Nothing else could run: add a parameter `clock` and use `await clock.sleep(…)`."
            ),
        )

    def _datetime(self) -> ModuleType:
        shims = self

        class datetime(real_datetime.datetime):  # noqa: N801
            @classmethod
            def now(cls, tz: real_datetime.tzinfo | None = None) -> "datetime":
                return cls.fromtimestamp(shims._seconds(), tz or real_datetime.UTC).replace(tzinfo=tz)

            @classmethod
            def utcnow(cls) -> "datetime":
                return cls.now()

            @classmethod
            def today(cls) -> "datetime":
                return cls.now()

        class date(real_datetime.date):  # noqa: N801
            @classmethod
            def today(cls) -> "date":
                return cls.fromordinal(datetime.now().toordinal())

        names = {name: getattr(real_datetime, name) for name in real_datetime.__all__}
        return _module("datetime", **(names | {"datetime": datetime, "date": date}))

    def _chance(self) -> ModuleType:
        names = [
            "random",
            "randint",
            "randrange",
            "choice",
            "choices",
            "shuffle",
            "sample",
            "uniform",
            "getrandbits",
            "randbytes",
            "gauss",
            "expovariate",
            "seed",
        ]
        return _module("random", **{name: self._watched(name) for name in names})

    def _watched(self, method: str) -> Callable[..., Any]:
        def draw(*arguments: Any, **named: Any) -> Any:
            self.observed = True
            return getattr(self.chance.random, method)(*arguments, **named)

        return draw

    def _sys(self) -> ModuleType:
        """Of Python itself only what computes: the rest would be a memory that survives a crash, or a way out."""
        names = ["byteorder", "exit", "float_info", "getsizeof", "maxsize", "version", "version_info"]
        return _module("sys", **{name: getattr(sys, name) for name in names})

    def _secrets(self) -> ModuleType:
        draw = self._watched("randbytes")
        return _module(
            "secrets",
            token_bytes=lambda size=32: draw(size),
            token_hex=lambda size=32: draw(size).hex(),
        )

    def _uuid(self) -> ModuleType:
        draw = self._watched("getrandbits")
        names = {name: getattr(real_uuid, name) for name in ("UUID", "uuid3", "uuid5", "NAMESPACE_URL")}
        names |= {name: getattr(real_uuid, name) for name in ("NAMESPACE_DNS", "NAMESPACE_OID")}
        return _module(
            "uuid",
            **names,
            uuid1=refuse("`uuid.uuid1`", "It depends on this machine: use `uuid.uuid4`."),
            uuid4=lambda: real_uuid.UUID(int=draw(128), version=4),
        )


def _asyncio() -> ModuleType:
    """`asyncio.sleep` is the clock's; there is no loop and there are no tasks."""
    module = _module("asyncio", sleep=Clock(lambda: 0).sleep)

    def missing(name: str) -> Never:
        advice = "The course drives your coroutine: await one thing after another; `asyncio.sleep` is there."
        raise Refused(f"`asyncio.{name}` is not available here.", advice)

    module.__getattr__ = missing
    return module


def _module(name: str, **names: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(names)
    return module


def _client(name: str) -> ModuleType:
    """A client library under its own name, so that tracebacks and imports look as in production."""
    source = importlib.import_module(CLIENTS[name])
    public = {key: value for key, value in vars(source).items() if not key.startswith("_")}
    module = _module(name, **(public | getattr(source, "ERRORS", {})))
    if "." not in name:
        for child in CLIENTS:
            if child.startswith(f"{name}."):
                setattr(module, child.partition(".")[2], _client(child))
    return module
