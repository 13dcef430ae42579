"""Submissions that hurt: each is read or refused with a reason, and the others are graded all the same."""

import errno
import io
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course.marking import intake

ID = "03-idempotency/dedup_consumer"
FILE = f"{ID}.py"
TEXT = "async def consume(consumer, db): ...\n"


def zipped(path: Path, members: dict[str, str | bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def student(folder: Path, exercises: tuple[str, ...] = (ID,)) -> intake.Student:
    """The one student of the folder."""
    [(name, places)] = intake.roll(folder).places.items()
    return intake.read(name, places, list(exercises))


@pytest.mark.parametrize("path", ["dedup_consumer.py", FILE, f"./{FILE}", f"my work/{FILE}", f"a/b/c/{FILE}"])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("name", ["alice", "Zoë van den Berg", "-rf", "学生"])
def test_an_exercise_is_found_at_any_depth(tmp_path: Path, path: str, packed: bool, name: str):
    if packed:
        zipped(tmp_path / f"{name}.zip", {path: TEXT})
    else:
        (tmp_path / name / path).parent.mkdir(parents=True)
        (tmp_path / name / path).write_text(TEXT)
    found = student(tmp_path)
    assert (found.name, found.found[ID].source, found.refusals) == (name, TEXT, [])


def test_a_zip_may_lie_in_a_students_folder(tmp_path: Path):
    (tmp_path / "alice").mkdir()
    zipped(tmp_path / "alice" / "exercises.zip", {FILE: TEXT})
    assert student(tmp_path).found[ID].source == TEXT


def test_a_folder_may_be_one_students(tmp_path: Path):
    (tmp_path / "dedup_consumer.py").write_text(TEXT)
    places = intake.roll(tmp_path, "alice").places
    assert intake.read("alice", places["alice"], [ID]).found[ID].source == TEXT


CONTENTS = {
    "binary": (b"\x7fELF\0\0", "is binary"),
    "latin-1": ("# é\n".encode("latin-1"), "is not UTF-8 text (byte 3)"),
    "UTF-16": ("x = 1\n".encode("utf-16"), "is binary"),
    "empty": (b" \n", "is empty"),
    "long": (b"#" * (intake.MOST_SOURCE + 1), "is larger than 256 KiB"),
}


@pytest.mark.parametrize(("data", "said"), CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_file_that_is_no_program_is_refused(tmp_path: Path, data: bytes, said: str, packed: bool):
    if packed:
        zipped(tmp_path / "alice.zip", {FILE: data})
    else:
        (tmp_path / "alice").mkdir()
        (tmp_path / "alice" / "dedup_consumer.py").write_bytes(data)
    refusal = student(tmp_path).found[ID].refusal
    assert refusal is not None
    assert said in refusal
    assert "\n" not in refusal


def test_a_byte_order_mark_is_none_of_the_program(tmp_path: Path):
    zipped(tmp_path / "alice.zip", {FILE: b"\xef\xbb\xbf" + TEXT.encode()})
    assert student(tmp_path).found[ID].source == TEXT


def linked(path: Path) -> None:
    member = zipfile.ZipInfo(FILE)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "/etc/passwd")


def doubled(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(FILE, TEXT)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(FILE, TEXT + "#")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)


def encrypted(path: Path) -> None:
    zipped(path, {FILE: TEXT})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)


def broken(path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE, os.urandom(5_000))
    spoiled = bytearray(data.getvalue())
    spoiled[200:300] = bytes(100)
    path.write_bytes(spoiled)


def far_away(path: Path) -> None:
    """Its member begins at byte 2**64 - 1."""
    zipped(path, {FILE: TEXT})
    data = bytearray(path.read_bytes())
    entry, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    struct.pack_into("<H", data, entry + 30, 12)
    struct.pack_into("<L", data, entry + 42, 2**32 - 1)
    struct.pack_into("<L", data, end + 12, end - entry + 12)
    data[end:end] = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    path.write_bytes(data)


def negative(path: Path) -> None:
    """Its member begins before the file."""
    zipped(path, {FILE: TEXT})
    data = bytearray(path.read_bytes())
    end = data.index(b"PK\x05\x06")
    struct.pack_into("<L", data, end + 16, data.index(b"PK\x01\x02") + 5)
    path.write_bytes(data)


ARCHIVES: dict[str, tuple[Callable[[Path], None], str]] = {
    "out of it": (lambda path: zipped(path, {f"../../{FILE}": TEXT}), "leads out of it"),
    "backslashes": (lambda path: zipped(path, {f"..\\..\\{FILE}": TEXT}), "leads out of it"),
    "absolute": (lambda path: zipped(path, {f"/{FILE}": TEXT}), "leads out of it"),
    "a drive": (lambda path: zipped(path, {"C:/dedup_consumer.py": TEXT}), "leads out of it"),
    "a link": (linked, "is a link"),
    "duplicates": (doubled, "two members"),
    "many": (lambda path: zipped(path, {f"{n}.txt": "" for n in range(2_001)}), "more than 2,000"),
    "2 GB": (huge, "larger than 8 MiB"),
    "no zip": (lambda path: path.write_bytes(b"hello") and None, "cannot be read"),
    "cut": (lambda path: path.write_bytes(b"PK\x05\x06") and None, "cannot be read"),
    "encrypted": (encrypted, "cannot be read"),
    "broken": (broken, "cannot be read"),
    "far away": (far_away, "cannot be read"),
    "negative": (negative, "cannot be read"),
    "a pipe": (os.mkfifo, "is no regular file"),
    "a socket": (lambda path: os.mknod(path, stat.S_IFSOCK), "is no regular file"),
}


@pytest.mark.parametrize(("make", "said"), ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_nobody_makes_by_accident_is_refused(
    tmp_path: Path, make: Callable[[Path], None], said: str
):
    make(tmp_path / "mallory.zip")
    found = student(tmp_path)
    assert said in found.refusals[0]
    assert not found.found


@pytest.mark.parametrize(("make", "said"), ARCHIVES.values(), ids=ARCHIVES)
def test_a_bad_archive_spoils_nothing_beside_it(tmp_path: Path, make: Callable[[Path], None], said: str):
    (tmp_path / "alice" / "more").mkdir(parents=True)
    (tmp_path / "alice" / "dedup_consumer.py").write_text(TEXT)
    make(tmp_path / "alice" / "more" / "notes.zip")
    zipped(tmp_path / "alice" / "window.zip", {"03-idempotency/dedup_window.py": TEXT})
    found = student(tmp_path, (ID, "03-idempotency/dedup_window"))
    assert [one.source for one in found.found.values()] == [TEXT, TEXT]
    [refusal] = found.refusals
    assert refusal.startswith("more/notes.zip: ")
    assert said in refusal


def test_nothing_of_a_bad_archive_counts(tmp_path: Path):
    (tmp_path / "alice").mkdir()
    with zipfile.ZipFile(tmp_path / "alice" / "notes.zip", "w") as archive:
        archive.writestr(FILE, TEXT)
        archive.writestr("03-idempotency/dedup_window.py", TEXT, zipfile.ZIP_LZMA)
    found = student(tmp_path, (ID, "03-idempotency/dedup_window"))
    assert not found.found
    assert "dedup_window.py is compressed" in found.refusals[0]


def test_what_is_ignored_in_an_archive_may_be_anything(tmp_path: Path):
    link = zipfile.ZipInfo(".venv/bin/python")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "alice.zip", "w") as archive:
        archive.writestr(FILE, TEXT)
        archive.writestr(link, "/usr/bin/python3")
        for number in range(intake.MOST_FILES):
            archive.writestr(f"work/node_modules/{number}.js", "")
        archive.writestr(f".old/{FILE}", TEXT + "#")
    found = student(tmp_path)
    assert (found.found[ID].source, found.refusals) == (TEXT, [])


def test_no_ignored_folder_leads_out_of_an_archive(tmp_path: Path):
    zipped(tmp_path / "mallory.zip", {f".venv/../../{FILE}": TEXT})
    assert "leads out of it" in student(tmp_path).refusals[0]


def test_bombs_in_many_archives_are_not_unpacked(tmp_path: Path):
    """Not even if each of them turns out to be bad."""
    (tmp_path / "mallory").mkdir()
    for number in range(40):
        with zipfile.ZipFile(tmp_path / "mallory" / f"{number}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(FILE, b"#" * 256 * 1024)
            archive.writestr("dedup_consumer.py", "", zipfile.ZIP_LZMA)
    found = student(tmp_path)
    assert "more than 8 MiB of files that could be exercises" in found.refusals[-1]
    assert len(found.refusals) < 40


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_a_member_that_can_only_be_unpacked_whole_is_refused(tmp_path: Path, method: int):
    with zipfile.ZipFile(tmp_path / "mallory.zip", "w", method) as archive:
        archive.writestr(FILE, bytes(20 * 1024**2))
    tracemalloc.start()
    found = student(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "is compressed in an unusual way: make a usual zip" in found.refusals[0]
    assert most < 5 * 1024**2


def test_a_member_that_is_not_looked_at_may_be_compressed_as_it_likes(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "alice.zip", "w") as archive:
        archive.writestr(FILE, TEXT)
        archive.writestr("notes.txt", "as 7-Zip makes it", zipfile.ZIP_LZMA)
    assert student(tmp_path).found[ID].source == TEXT


def test_an_archive_that_asks_for_all_memory_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def asks(*_: object) -> None:
        raise MemoryError

    zipped(tmp_path / "mallory.zip", {FILE: TEXT})
    monkeypatch.setattr(zipfile.ZipFile, "infolist", asks)
    assert student(tmp_path).refusals == ["mallory.zip: The archive cannot be read: MemoryError."]


def test_a_bomb_is_not_unpacked(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "mallory.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE, bytes(200 * 1024**2))
    tracemalloc.start()
    found = student(tmp_path).found[ID]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "is larger than" in (found.refusal or "")
    assert most < 5 * 1024**2


def test_many_bombs_are_not_unpacked(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "mallory.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(200):
            archive.writestr(f"{number}/dedup_consumer.py", b"#" * 256 * 1024)
    tracemalloc.start()
    found = student(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "more than 8 MiB of files that could be exercises" in found.refusals[0]
    assert most < 20 * 1024**2


def test_links_are_not_followed(tmp_path: Path):
    secret = tmp_path / "secret.py"
    secret.write_text("# secret\n" + TEXT)
    folder = tmp_path / "class"
    (folder / "mallory").mkdir(parents=True)
    (folder / "mallory" / "dedup_consumer.py").symlink_to(secret)
    (folder / "bob").symlink_to(tmp_path)
    roll = intake.roll(folder)
    assert roll.ignored == ["bob is a link and was left out."]
    found = intake.read("mallory", roll.places["mallory"], [ID])
    assert found.refusals == ["dedup_consumer.py is a link, which is not followed."]
    assert not found.found


def spoil(monkeypatch: pytest.MonkeyPatch, path: Path, *calls: str, error: int = errno.EACCES) -> None:
    """Lets these calls of `os` fail for the path and all below, as if they were made by somebody else."""

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(given: Any, *rest: Any, **named: Any) -> Any:
            if isinstance(given, str | Path) and Path(given).is_relative_to(path):
                raise OSError(error, os.strerror(error), str(given))
            return real(given, *rest, **named)

        return call

    for call in calls:
        monkeypatch.setattr(os, call, failing(getattr(os, call)))


WINDOW = "03-idempotency/dedup_window"
UNREAD = {
    "a folder": ("alice/more", ("scandir",), errno.EACCES),
    "all in a folder": ("alice/more", ("scandir", "open", "stat", "lstat"), errno.EACCES),
    "a file": ("alice/more/dedup_window.py", ("open",), errno.EACCES),
    "what nobody knows to be a file": ("alice/more/dedup_window.py", ("open", "stat", "lstat"), errno.EIO),
    "an archive": ("alice/notes.zip", ("open",), errno.EIO),
}


@pytest.mark.parametrize(("path", "calls", "error"), UNREAD.values(), ids=UNREAD)
def test_what_this_machine_cannot_read_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, calls: tuple[str, ...], error: int
):
    (tmp_path / "alice" / "more").mkdir(parents=True)
    (tmp_path / "alice" / "dedup_consumer.py").write_text(TEXT)
    inside = path.endswith(".zip")
    (tmp_path / "alice" / "more" / ("nothing.txt" if inside else "dedup_window.py")).write_text(TEXT)
    zipped(tmp_path / "alice" / "notes.zip", {f"{WINDOW}.py": TEXT} if inside else {})
    assert [one.source for one in student(tmp_path, (ID, WINDOW)).found.values()] == [TEXT, TEXT]
    spoil(monkeypatch, tmp_path / path, *calls, error=error)
    found = student(tmp_path, (ID, WINDOW))
    assert found.found[ID].source == TEXT
    assert found.found[WINDOW].is_unread
    [said] = found.unread
    assert path.removeprefix("alice/") in said
    assert os.strerror(error) in said
    assert found.found[WINDOW].refusal == said
    assert not found.refusals


@pytest.mark.parametrize("name", ["alice", "alice.zip"])
@pytest.mark.parametrize("calls", [("scandir", "open"), ("scandir", "open", "stat", "lstat")])
def test_a_student_who_cannot_be_read_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, calls: tuple[str, ...]
):
    (tmp_path / "class" / "bob").mkdir(parents=True)
    place = tmp_path / "class" / name
    if place.suffix:
        zipped(place, {FILE: TEXT})
    else:
        place.mkdir()
    spoil(monkeypatch, place, *calls)
    places = intake.roll(tmp_path / "class").places
    assert list(places) == ["alice", "bob"]
    found = intake.read("alice", places["alice"], [ID, WINDOW])
    assert [one.is_unread for one in found.found.values()] == [True, True]
    assert len(found.unread) == 1
    assert not intake.read("bob", places["bob"], [ID]).found


def test_an_exercise_with_an_unread_file_is_not_judged_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "alice" / "new").mkdir(parents=True)
    for folder in ("", "new"):
        (tmp_path / "alice" / folder / "dedup_consumer.py").write_text(TEXT)
    spoil(monkeypatch, tmp_path / "alice" / "new" / "dedup_consumer.py", "open")
    assert student(tmp_path).found[ID].is_unread


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    (tmp_path / "mallory").mkdir()
    os.mkfifo(tmp_path / "mallory" / "dedup_consumer.py")
    assert student(tmp_path).found[ID].refusal == "dedup_consumer.py is no regular file."


@pytest.mark.parametrize("others", [("alice.zip",), ("ALICE.zip",), ("alice.ZIP", "Alice.zip")])
def test_the_same_student_twice_is_refused(tmp_path: Path, others: tuple[str, ...]):
    (tmp_path / "alice").mkdir()
    (tmp_path / "alice" / "dedup_consumer.py").write_text(TEXT)
    for other in others:
        zipped(tmp_path / other, {FILE: TEXT})
    assert "more than once" in student(tmp_path).refusals[0]


def test_two_files_for_an_exercise_have_to_be_the_same(tmp_path: Path):
    zipped(tmp_path / "alice.zip", {FILE: TEXT, f"old/{FILE}": TEXT})
    assert student(tmp_path).found[ID].source == TEXT
    zipped(tmp_path / "alice.zip", {FILE: TEXT, f"old/{FILE}": TEXT + "#"})
    assert "2 different files" in (student(tmp_path).found[ID].refusal or "")


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_the_file_at_the_full_path_counts(tmp_path: Path, packed: bool):
    files = {"dedup_consumer.py": TEXT + "#", FILE: TEXT, "old/dedup_consumer.py": b"\0"}
    if packed:
        zipped(tmp_path / "alice.zip", dict(files))
    for path, text in files.items():
        if not packed:
            (tmp_path / "alice" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "alice" / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert student(tmp_path).found[ID].source == TEXT


def test_of_different_files_none_counts(tmp_path: Path):
    zipped(tmp_path / "alice.zip", {"dedup_consumer.py": TEXT, "b/dedup_consumer.py": TEXT + "#"})
    assert student(tmp_path).found[ID].refusal == f"There are 2 different files for {ID}: keep one."


def test_a_name_of_two_exercises_needs_its_folder(tmp_path: Path):
    zipped(tmp_path / "alice.zip", {"dedup_consumer.py": TEXT, FILE: TEXT})
    assert list(student(tmp_path, (ID, "09-other/dedup_consumer")).found) == [ID]


def test_a_file_is_the_same_exercise_whichever_are_read(tmp_path: Path):
    exam = "99-exam/dedup_consumer"
    zipped(tmp_path / "alice.zip", {FILE: TEXT, f"{exam}.py": TEXT + "#"})
    [places] = intake.roll(tmp_path).places.values()
    for exercises in ([ID], [exam], [ID, exam]):
        found = intake.read("alice", places, exercises, [ID, exam]).found
        assert {one: text.source for one, text in found.items()} == {
            one: TEXT + "#" * (one == exam) for one in exercises
        }


def test_an_exercise_that_is_asked_for_twice_is_found(tmp_path: Path):
    zipped(tmp_path / "alice.zip", {"dedup_consumer.py": TEXT})
    assert student(tmp_path, (ID, ID)).found[ID].source == TEXT


def test_no_such_folder_is_said(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        intake.roll(tmp_path / "nowhere")


def test_a_name_cannot_steer_a_terminal(tmp_path: Path):
    (tmp_path / "a\x1b[31m\nb").mkdir()
    assert student(tmp_path).name == "a?[31m?b"


def test_names_that_are_not_utf_8_stay_different(tmp_path: Path):
    handed = ["王小明", "李小红", "张小亮", "long " + "王" * 60 + "一", "long " + "王" * 60 + "二"]
    for name in handed:
        (tmp_path / os.fsdecode(name.encode("gbk"))).mkdir()
    names = list(intake.roll(tmp_path).places)
    assert len(names) == len(handed)
    assert all(name.isprintable() and "?" not in name for name in names)


def test_where_marks_go_is_no_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("alice", "marked"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert list(intake.roll(Path(), out=Path("marked")).places) == ["alice"]
    assert list(intake.roll(tmp_path, out=Path("../elsewhere")).places) == ["alice", "marked"]
