"""A learner's program: source text that is executed afresh at every start of a process.

Rules
- A restart executes the module again, so nothing that was kept in a global survives a crash.
- The module may import what computes, and the client libraries. What would reach around the world (threads,
  sockets, files, asyncio) is refused with advice; `time`, `random`, `uuid` and `datetime` are the world's.
- Between two awaits a program may jump backwards at most `MOST_JUMPS` times; then it is an endless loop.
  (Counted by sys.monitoring, PEP 669, on the learner's code alone.)
  Who catches that exception is stopped at the next await.
- `print` goes to `Program.output`, at most `MOST_OUTPUT` characters of it.
"""

import builtins
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any

from unreliable import shims

MOST_JUMPS = 1_000_000
MOST_OUTPUT = 64 * 1024
MODULE_NAME = "submission"

# Dataclasses look up their module, and a program's is not among the imported ones.
sys.modules.setdefault(MODULE_NAME, ModuleType(MODULE_NAME))

_FORBIDDEN_BUILTINS = ("open", "input", "breakpoint", "exec", "eval", "compile", "exit", "quit", "help")


PROBLEMS = ("syntax", "missing", "signature", "refused", "crashed", "endless", "memory", "output", "exit")


@dataclass(frozen=True)
class Problem:
    """Why a program cannot run, or stopped running: what happened, in which line, and what to do about it."""

    kind: str  # one of PROBLEMS
    line: int | None
    message: str
    advice: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.message} {self.advice}".strip()


class NoRequest(BaseException):
    """A program awaited something that is not of this world."""


class EndlessLoop(BaseException):
    """Raised inside of a loop that never awaits. Not an Exception, so that no `except Exception` hides it."""


class Interrupted(BaseException):
    """What learners get as KeyboardInterrupt: the real one is for us."""


class Program:
    """One learner's file. `Program(source).problem(...)` before it is run says whether it can be."""

    def __init__(self, source: str, filename: str = "submission.py") -> None:
        self.source = source
        self.filename = filename
        self.output = Output(self)
        self.shims = shims.Shims()
        self.fickle = False  # it was heard to answer otherwise when it heard the same again
        self.out_of_time = False  # an interpreter of it was ended by a clock
        self.said_alone = 0  # answers of interpreters that died for real, which no other has given
        self._code: CodeType | None = None
        self._problems: dict[tuple[str, tuple[str, ...]], Problem | None] = {}
        self._builtins = self._restricted_builtins()

    def load(self) -> dict[str, Any]:
        """Executes the module afresh; its globals."""
        if self._code is None:
            self._code = compile(self.source, self.filename, "exec", dont_inherit=True)
            watch(self._code)
        namespace = {"__name__": MODULE_NAME, "__builtins__": dict(self._builtins)}
        restart_jump_count()
        exec(self._code, namespace)
        return namespace

    def problem(self, entry: str, parameters: tuple[str, ...]) -> Problem | None:
        """Why `entry(*parameters)` cannot be run as a process, or None."""
        if (entry, parameters) not in self._problems:
            self._problems[entry, parameters] = self._find_problem(entry, parameters)
        return self._problems[entry, parameters]

    def _find_problem(self, entry: str, parameters: tuple[str, ...]) -> Problem | None:
        try:
            namespace = self.load()
            stop_endless_loop()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a learner's module raises is a finding, not a failure of ours
            return self.explain(error)
        function = namespace.get(entry)
        wanted = f"async def {entry}({', '.join(parameters)}):"
        if function is None:
            return Problem("missing", None, f"There is no function `{entry}`.", f"Define `{wanted}`")
        line = getattr(getattr(function, "__code__", None), "co_firstlineno", None)
        if not (inspect.isfunction(function) and inspect.iscoroutinefunction(function)):
            return Problem("signature", line, f"`{entry}` is not an `async def`.", f"Define it as `{wanted}`")
        found = parameters_of(function)
        if without_clock(found) != without_clock(parameters):
            message = f"`{entry}` takes ({', '.join(found)})."
            return Problem("signature", line, message, f"Its parameters have to be `{wanted}`")
        return None

    def explain(self, error: BaseException) -> Problem:  # noqa: PLR0911
        """The problem that an exception out of this program is."""
        line = self.line_of(error)
        match error:
            case SyntaxError():
                advice = "Python cannot read the file; mend this line."
                return Problem("syntax", error.lineno, f"Syntax error: {error.msg}.", advice)
            case shims.Refused():
                return Problem("refused", line, error.what, error.advice)
            case EndlessLoop():
                message = f"This loop ran {MOST_JUMPS:,} rounds without an `await`."
                return Problem("endless", line, message, "Let it end, or await something in it.")
            case NoRequest():
                advice = "Await the methods of what your function is handed, and your own `async def`s."
                return Problem("refused", line, str(error), advice)
            case SystemExit():
                advice = "A process of this course goes on until it is killed: return or raise instead."
                return Problem("exit", line, "The program asked Python to exit.", advice)
            case RecursionError():
                message = "The recursion is too deep: a function called itself about 1,000 times."
                return Problem("crashed", line, message, "Give it an end, or use a loop.")
            case MemoryError():
                return Problem("memory", line, "The program used up its memory.", "Keep less at a time.")
            case _:
                message = f"{type(error).__name__}: {_text(error)}"
                return Problem("crashed", line, message, "Nothing in the program caught this exception.")

    def line_of(self, error: BaseException) -> int | None:
        """The last line of the learner's file on the way of an exception."""
        lines = [line for name, line in _walk(error.__traceback__) if name == self.filename]
        return lines[-1] if lines else None

    def line_in(self, frame: FrameType | None) -> int | None:
        """The learner's line that called into `frame`."""
        while frame is not None and frame.f_code.co_filename != self.filename:
            frame = frame.f_back
        return frame.f_lineno if frame else None

    def _restricted_builtins(self) -> dict[str, Any]:
        names = dict(vars(builtins))
        for name in _FORBIDDEN_BUILTINS:
            names[name] = shims.refuse(f"`{name}`", "A process reaches the world only by what it is handed.")
        names["KeyboardInterrupt"] = Interrupted
        names["exit"] = names["quit"] = sys.exit
        names["print"] = self.output.print
        names["hash"] = self.shims.hash
        names["__import__"] = self._import
        return names

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: tuple[str, ...] = (),
        level: int = 0,
    ) -> ModuleType:
        module = self.shims.find(name)
        if fromlist or "." not in name:
            return module
        return self.shims.find(name.partition(".")[0])


class Output:
    """What a program printed, while `collecting`; explored schedules print nothing."""

    def __init__(self, program: Program) -> None:
        self.collecting = False
        self.text = ""
        self.problem: Problem | None = None
        self._program = program

    def print(self, *values: object, sep: str | None = " ", end: str | None = "\n", **_: object) -> None:
        """`print`, as the learner's module sees it."""
        if not self.collecting or self.problem:
            return
        text = (" " if sep is None else sep).join(map(str, values)) + ("\n" if end is None else end)
        room = MOST_OUTPUT - len(self.text)
        self.text += text[:room]
        if len(text) > room:
            line = self._program.line_in(inspect.currentframe())
            message = f"More than {MOST_OUTPUT // 1024} KiB were printed; the rest is not shown."
            self.problem = Problem("output", line, message, "Print less, for instance one value a message.")


def parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's parameters, which are the names of the objects it is handed.

    Those of what a decorator wraps, if it says so (functools.wraps).
    """
    code = inspect.unwrap(function).__code__
    return code.co_varnames[: code.co_argcount]


def without_clock(parameters: tuple[str, ...]) -> tuple[str, ...]:
    """A process may always ask for a clock, and need not take the one that it is offered."""
    return tuple(name for name in parameters if name != "clock")


def _walk(traceback: TracebackType | None) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    while traceback is not None:
        found.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    return found


def _text(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except KeyboardInterrupt:
        raise
    except BaseException:  # a learner's __str__ may do anything
        return "(its text cannot be shown)"


# Endless loops: one process-wide counter, since only one process of a world runs at a time.

_TOOL = 3  # the first of the ids that sys.monitoring leaves to anyone
_jumps = 0
_endless: EndlessLoop | None = None


def restart_jump_count() -> None:
    """Called whenever a program gets the word: it may loop anew."""
    global _jumps, _endless  # noqa: PLW0603
    _jumps = 0
    _endless = None


def stop_endless_loop() -> None:
    """Called when a program gives the word back: raises again what stopped its endless loop, if it caught that."""
    if _endless is not None:
        raise _endless


def _count_jump(code: CodeType, offset: int, destination: int) -> None:
    global _jumps, _endless  # noqa: PLW0603
    if destination <= offset:
        _jumps += 1
        if _jumps > MOST_JUMPS:
            _endless = _endless or EndlessLoop()
            raise _endless


def watch(code: CodeType) -> None:
    """Counts the backward jumps of this code object and of those inside of it."""
    monitoring = sys.monitoring
    if monitoring.get_tool(_TOOL) is None:
        monitoring.use_tool_id(_TOOL, "unreliable")
        monitoring.register_callback(_TOOL, monitoring.events.JUMP, _count_jump)
    monitoring.set_local_events(_TOOL, code, monitoring.events.JUMP)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            watch(constant)
