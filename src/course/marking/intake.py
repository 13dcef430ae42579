"""Reading a class's submissions, which may be anything.

Rules
- A folder has an entry for each student: a folder, or a zip archive as the page exports it. Where marks go is none
  of them, and names that are not UTF-8 stay different.
- Inside of it an exercise is found as `NN-topic/name.py` at any depth, or as `name.py` where only one exercise has
  that name. Of several files the one at the full path counts; of different ones there, none.
- Nothing is unpacked to disk, no link is followed, and no more is read than an exercise may be long.
- What cannot be graded is refused with one line that says why; the rest is graded. A bad archive is refused whole,
  and nothing that lies beside it.
- What this machine cannot read is no fault of the student's: what may have been in there is unread, not missing.
"""

import errno
import io
import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course import catalog

MOST_SOURCE = 256 * 1024
MOST_ARCHIVE = 8 * 1024 * 1024
MOST_FILES = 2_000
MOST_READ = 8 * 1024 * 1024  # of one student, what could be an exercise
_IGNORED = frozenset({"__MACOSX", "__pycache__", "node_modules", "venv", "site-packages"})
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
_UNREADABLE = (*_BROKEN, OverflowError, MemoryError)  # for numbers that no real archive has
_USUAL = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_NO_FILE = frozenset({errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP})  # a socket or a device, when it is opened


class Refused(Exception):
    """Something that cannot be graded; the text says why."""


class BadArchive(Refused):
    """An archive that cannot be graded. What lies beside it can."""


@dataclass(frozen=True)
class Found:
    """One exercise of one student: its text, or why there is none; `is_unread` if that is our fault."""

    exercise: str
    source: str = ""
    refusal: str | None = None
    is_unread: bool = False


@dataclass
class Student:
    """What one student handed in.

    `refusals` are about all of it, or about files that belong to no exercise; `unread` are about what this machine
    could not read.
    """

    name: str
    found: dict[str, Found] = field(default_factory=dict[str, Found])
    refusals: list[str] = field(default_factory=list[str])
    unread: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Roll:
    """The students of a folder, by name, with the places of their work; and what else lay there."""

    places: dict[str, list[Path]]
    ignored: list[str]


def roll(folder: Path, student: str | None = None, out: Path | None = None) -> Roll:
    """Who handed in, without opening anything. With `student`, all of the folder is that one's.

    `out` is where marks go: no student, though it may lie in the folder. Raises FileNotFoundError.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    if student is not None:
        return Roll({_name(student): [folder]}, [])
    places: dict[str, list[Path]] = {}
    ignored: list[str] = []
    names: dict[str, str] = {}  # so that names which differ in case alone are one student
    for path in sorted(folder.iterdir()):
        if _is_ignored(path.name) or (out and os.path.realpath(path) == os.path.realpath(out)):
            continue
        mode = _mode(path)
        if stat.S_ISLNK(mode) or not (stat.S_ISDIR(mode) or path.suffix.lower() == ".zip"):
            what = "a link" if stat.S_ISLNK(mode) else "neither a folder nor a zip archive"
            ignored.append(f"{shown(path.name)} is {what} and was left out.")
            continue
        name = _name(path.name[:-4] if path.suffix.lower() == ".zip" else path.name)
        places.setdefault(names.setdefault(name.casefold(), name), []).append(path)
    return Roll(dict(sorted(places.items())), ignored)


def known_exercises(own: Path | None) -> list[str]:
    """The course's, and those of a folder of graders that only the instructor has."""
    known = [exercise.id for exercise in catalog.exercises()]
    graders = sorted(own.glob("*/test_*.py")) if own is not None else []
    private = [f"{path.parent.name}/{path.stem.removeprefix('test_')}" for path in graders]
    return list(dict.fromkeys([*known, *private]))


def read(name: str, places: list[Path], exercises: list[str], known: Iterable[str] = ()) -> Student:
    """One student's exercises out of a folder or an archive. Raises nothing for what it finds there.

    `known` are the others that a file could be: it is the same exercise, whichever are read.
    """
    student = Student(name)
    if len(places) > 1:
        also = " and ".join(shown(path.name) for path in places)
        student.refusals.append(f"Handed in more than once, as {also}: keep one of them.")
        return student
    reader = _Reader(student, exercises, {*exercises, *known})
    try:
        reader.read(places[0])
    except Refused as error:
        student.refusals.append(f"{shown(places[0].name)}: {error}")
        reader.candidates.clear()
    for exercise in exercises:
        if found := reader.found(exercise):
            student.found[exercise] = found
    return student


def shown(text: str) -> str:
    """A name as it may stand in a report: in one short line, without what steers a terminal."""
    return _printable(text)[:200]


def _mode(path: Path) -> int:
    """What lies there; a folder where this machine cannot tell, so that no student is lost."""
    try:
        return path.lstat().st_mode
    except OSError:
        return stat.S_IFDIR


def _name(text: str) -> str:
    return _printable(unicodedata.normalize("NFC", text)).strip() or "?"


def _printable(text: str) -> str:
    """Of a file's name that is not UTF-8, each byte that is none is told, so that two names stay two."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else "?" for c in text)


type _Candidate = tuple[str, bytes | str]  # a path that may be an exercise, with its bytes or a refusal


class _Reader:
    """Reads what one student handed in. Where that is too much, Refused is raised."""

    def __init__(self, student: Student, exercises: list[str], known: set[str]) -> None:
        self.candidates: dict[str, list[_Candidate]] = {}
        self._student = student
        self._exercises = exercises
        self._known = known
        self._size = 0
        self._unread: dict[str, str] = {}  # the exercises whose files could not be read, and why

    def read(self, place: Path) -> None:
        """A folder or an archive."""
        with self._reading(place.name):
            if stat.S_ISDIR(place.stat().st_mode):
                self._read_folder(place)
            else:
                self._read_archive(place, place.name)

    def found(self, exercise: str) -> Found | None:
        """What there is of an exercise. It is unread if its file is, or if it may be in something else that is."""
        candidates = self.candidates.get(exercise)
        found = _only(exercise, candidates) if candidates else None
        unread = self._unread.get(exercise)
        if unread is None and self._student.unread and (found is None or found.refusal is not None):
            unread = self._student.unread[0]
        return found if unread is None else Found(exercise, refusal=unread, is_unread=True)

    @contextmanager
    def _reading(self, name: str) -> Generator[None]:
        """Goes on after what cannot be read, with a line about it."""
        try:
            yield
        except OSError as error:
            self._leave_unread(name, error)

    def _leave_unread(self, name: str, error: OSError) -> None:
        why = f"could not be read on the grader's machine ({shown(error.strerror or str(error))})"
        said = f"{shown(name)} {why}: make it readable and grade again."
        self._student.unread.append(said)
        if exercise := self._exercise_of(name):
            self._unread[exercise] = said

    def _read_folder(self, folder: Path) -> None:
        for path in self._files(folder):
            inside = path.relative_to(folder).as_posix()
            with self._reading(inside):
                if path.is_symlink():
                    self._student.refusals.append(f"{shown(path.name)} is a link, which is not followed.")
                elif path.suffix.lower() == ".zip":
                    self._read_archive(path, inside)
                elif exercise := self._exercise_of(inside):
                    data = _read(path, MOST_SOURCE + 1)
                    self._weigh(data or b"")
                    self._keep(exercise, (inside, "is no regular file." if data is None else data))

    def _files(self, folder: Path) -> Iterator[Path]:
        """All files and links below."""
        count = 0

        def unread(error: OSError) -> None:
            self._leave_unread(os.path.relpath(error.filename or folder, folder.parent), error)

        for parent, folders, files in os.walk(folder, onerror=unread):
            folders[:] = sorted(name for name in folders if not _is_ignored(name))
            for name in sorted([*folders, *files]):
                path = Path(parent, name)
                count += 1
                if count > MOST_FILES:
                    raise Refused(f"It has more than {MOST_FILES:,} files.")
                if name in files or os.path.islink(path):  # what cannot be told shows when it is read
                    yield path

    def _read_archive(self, path: Path, name: str) -> None:
        """All of an archive, or nothing of it and a word about that."""
        found: list[tuple[str, _Candidate]] = []
        try:
            for exercise, inside, data in _members(path, self._exercise_of):
                self._weigh(data)
                found.append((exercise, (inside, data)))
        except BadArchive as error:
            self._student.refusals.append(f"{shown(name)}: {error}")
            return
        for exercise, candidate in found:
            self._keep(exercise, candidate)

    def _exercise_of(self, path: str) -> str | None:
        """The exercise that a file is, if it is to be read."""
        exercise = _exercise_of(path, self._known)
        return exercise if exercise in self._exercises else None

    def _weigh(self, data: bytes) -> None:
        """Counts what was read, before more of it is, and also of an archive that turns out to be bad."""
        self._size += len(data)
        if self._size > MOST_READ:
            raise Refused(f"It has more than {MOST_READ // 1024**2} MiB of files that could be exercises.")

    def _keep(self, exercise: str, candidate: _Candidate) -> None:
        self.candidates.setdefault(exercise, []).append(candidate)


def _read(path: Path, most: int) -> bytes | None:
    """Up to so many bytes of a regular file; of anything else None, without waiting for it. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        return file.read(min(most, found.st_size)) if stat.S_ISREG(found.st_mode) else None


def _members(path: Path, exercise_of: Callable[[str], str | None]) -> Iterator[tuple[str, str, bytes]]:
    """The exercises in an archive: which, where, and its text.

    Raises BadArchive for one that nobody would make by accident. It is read whole before it is looked into, so
    that what is wrong in it is not taken for a wrong of the disk's.
    """
    data = _read(path, MOST_ARCHIVE + 1)
    if data is None:
        raise BadArchive("It is no regular file.")
    if len(data) > MOST_ARCHIVE:
        raise BadArchive(f"The archive is larger than {MOST_ARCHIVE // 1024**2} MiB.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check(members)
            for member in members:
                exercise = exercise_of(member.filename)
                if exercise and not member.is_dir():
                    _check_compression(member)
                    with archive.open(member) as file:
                        yield exercise, member.filename, file.read(MOST_SOURCE + 1)
    except _UNREADABLE as error:
        raise BadArchive(f"The archive cannot be read: {shown(str(error)) or type(error).__name__}.") from None


def _check(members: list[zipfile.ZipInfo]) -> None:
    """What lies in ignored folders may be anything that does not leave them: it is not read, as in a folder."""
    seen: set[str] = set()
    for member in members:
        name = member.filename.replace("\\", "/")
        parts = _posix(name).parts
        if ".." in parts or name.startswith("/") or (parts and ":" in parts[0]):
            raise BadArchive(f"The archive's member {shown(name)} leads out of it.")
        if any(map(_is_ignored, parts)):
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            raise BadArchive(f"The archive's member {shown(name)} is a link.")
        if name in seen:
            raise BadArchive(f"The archive has two members called {shown(name)}.")
        seen.add(name)
        if len(seen) > MOST_FILES:
            raise BadArchive(f"The archive has more than {MOST_FILES:,} members.")


def _check_compression(member: zipfile.ZipInfo) -> None:
    """What is neither stored nor deflated, `zipfile` would unpack whole, however little of it is read."""
    if member.compress_type not in _USUAL:
        name = shown(member.filename)
        raise BadArchive(f"The archive's member {name} is compressed in an unusual way: make a usual zip.")


def _exercise_of(path: str, exercises: Iterable[str]) -> str | None:
    """The exercise that a file is by its name and its folder's."""
    stem = _posix(path).stem
    if _posix(path).suffix != ".py" or any(map(_is_ignored, _posix(path).parts)):
        return None
    named = [exercise for exercise in exercises if exercise.partition("/")[2] == stem]
    full = [exercise for exercise in named if _is_full(path, exercise)]
    return full[0] if full else named[0] if len(named) == 1 else None


def _is_full(path: str, exercise: str) -> bool:
    """Whether a file's path tells its exercise, without any other knowledge."""
    return _posix(path).parts[-2:] == _posix(f"{exercise}.py").parts


def _is_ignored(name: str) -> bool:
    return name in _IGNORED or (name.startswith(".") and name != "..")


def _posix(path: str) -> PurePosixPath:
    return PurePosixPath(path.replace("\\", "/"))


def _only(exercise: str, candidates: list[_Candidate]) -> Found:
    """The one file among those that could be the exercise: at its full path if there is one, or the only one."""
    full = [candidate for candidate in candidates if _is_full(candidate[0], exercise)]
    candidates = full or candidates
    different = {data for _, data in candidates}
    if len(different) > 1:
        return Found(exercise, refusal=f"There are {len(different)} different files for {exercise}: keep one.")
    path, data = candidates[0]
    if isinstance(data, str):
        return Found(exercise, refusal=f"{shown(path)} {data}")
    try:
        return Found(exercise, _text(data))
    except Refused as error:
        return Found(exercise, refusal=f"{shown(path)} {error}")


def _text(data: bytes) -> str:
    if len(data) > MOST_SOURCE:
        raise Refused(f"is larger than {MOST_SOURCE // 1024} KiB.")
    if b"\0" in data:
        raise Refused("is binary, not a Python file.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"is not UTF-8 text (byte {error.start + 1}): save it as UTF-8.") from None
    if not text.strip():
        raise Refused("is empty.")
    return text
