"""`npm run bundle`: everything that the page's Python is made of, below docs/assets/course/.

Rules
- All but manifest.json carries the hash of its content in its name, or is in a folder that does.
- Pyodide's own files; a folder with our wheel and pytest's; the lock file that names their hashes; the exercises
  with their graders; and a snapshot of a warm Python with the files that it was read from.
- The wheel and the lock file are the same bytes whenever they are made from the same tree; the snapshot is not.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ASSETS = Path("docs/assets/course")
CACHE = Path("build/wheels")
PYODIDE = Path("node_modules/pyodide")
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
NEEDED = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")
EPOCH = "1577836800"  # any fixed time: the archives' entries carry it
ENVIRONMENT = {
    "COURSE_ROOT": "/course",
    "PYTHONHASHSEED": "0",  # sets have the same order in every browser
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # there are none, and looking for them takes time
}


def main() -> None:
    """Makes the bundle; raises CalledProcessError when a tool fails."""
    manifest = make_parts()
    _write(manifest)
    _write(manifest | {"snapshot": _snapshot()})


def make_parts() -> dict[str, Any]:
    """Makes all but the snapshot; the manifest of what was made. The same tree gives the same bytes."""
    ASSETS.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    wheelhouse = _folder("wheels", [*_third_party(), _ours()])
    return {
        "pyodide": _folder("pyodide", [PYODIDE / name for name in RUNTIME]) + "/",
        "lock": asset("pyodide-lock", "json", _lock(ASSETS / wheelhouse)),
        "wheelhouse": wheelhouse + "/",
        "wheels": [*NEEDED, "effectively-once"],
        "data": asset("course", "zip", _data()),
        "env": ENVIRONMENT,
        "snapshot": None,
    }


def _write(manifest: dict[str, Any]) -> None:
    (ASSETS / "manifest.json").write_text(json.dumps(manifest, indent=1))


def _third_party() -> list[Path]:
    """The wheels of pytest and what it needs, by the pins and hashes of requirements.lock; downloaded once."""
    blocks = re.split(r"^(?=[a-z0-9-]+==)", Path("requirements.lock").read_text(), flags=re.M)
    chosen = [block for block in blocks if block.partition("==")[0] in NEEDED]
    assert len(chosen) == len(NEEDED), "requirements.lock lacks a package of the bundle"
    pins = "".join(chosen)
    folder = CACHE / hashlib.sha256(pins.encode()).hexdigest()[:16]
    if not folder.is_dir():
        fresh = folder.with_suffix(".new")
        fresh.mkdir(parents=True, exist_ok=True)
        pins_file = fresh / "requirements.txt"
        pins_file.write_text(pins)
        _run("pip", "download", "--quiet", "--no-deps", "--require-hashes", "-r", str(pins_file), "-d", str(fresh))
        fresh.rename(folder)
    return sorted(folder.glob("*.whl"))


def _ours() -> Path:
    folder = CACHE / "ours"
    shutil.rmtree(folder, ignore_errors=True)
    _run("build", "--wheel", "--no-isolation", "--outdir", str(folder), quiet=True)
    return next(folder.glob("*.whl"))


def _lock(wheelhouse: Path) -> bytes:
    """Pyodide's lock file with our wheels added to it."""
    made = CACHE / "pyodide-lock.json"
    wheels = sorted(str(path) for path in wheelhouse.glob("*.whl"))
    options = ["--base-path", str(wheelhouse), "--input", str(PYODIDE / "pyodide-lock.json"), "--output"]
    command = [str(Path(sys.executable).with_name("pyodide")), "lockfile", "add-wheels", *options, str(made)]
    subprocess.run([*command, *wheels], check=True, stdout=subprocess.DEVNULL)
    return made.read_bytes()


def _data() -> bytes:
    """The exercises and their graders as one archive, to be unpacked at the root of the file system."""
    made = CACHE / "course.zip"
    root = ENVIRONMENT["COURSE_ROOT"].strip("/")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in ("exercises", "tests/graders"):
            for path in sorted(Path(folder).rglob("*.py")):
                archive.writestr(zipfile.ZipInfo(f"{root}/{path.as_posix()}"), path.read_bytes())
    return made.read_bytes()


def _snapshot() -> dict[str, Any]:
    """A warm Python's memory and files, made under Node of the assets that are there."""
    folder = CACHE / "snapshot"
    folder.mkdir(exist_ok=True)
    command = ["node", "--import", "tsx", "frontend/build/snapshot.mjs", str(ASSETS), str(folder)]
    subprocess.run(command, check=True)
    return {
        "memory": _packed("snapshot", (folder / "memory").read_bytes()),
        "files": _packed("files", (folder / "files").read_bytes()),
    }


def _packed(stem: str, content: bytes) -> dict[str, Any]:
    """A compressed asset: not named .gz, since some servers would then ask browsers to unpack it."""
    return {"name": asset(stem, "bin", gzip.compress(content, mtime=0)), "bytes": len(content)}


def asset(stem: str, ending: str, content: bytes) -> str:
    """Writes an asset under a name that tells its content, and removes the one that it takes the place of."""
    name = f"{stem}-{_hash([content])}.{ending}"
    _remove_others(stem, name)
    (ASSETS / name).write_bytes(content)
    return name


def _folder(stem: str, files: list[Path]) -> str:
    """Copies the files into a folder whose name tells their contents."""
    name = f"{stem}-{_hash(path.read_bytes() for path in files)}"
    _remove_others(stem, name)
    (ASSETS / name).mkdir(exist_ok=True)
    for path in files:
        shutil.copyfile(path, ASSETS / name / path.name)
    return name


def _remove_others(stem: str, name: str) -> None:
    for old in ASSETS.glob(f"{stem}-" + "[0-9a-f]" * 16 + "*"):
        if old.name != name:
            shutil.rmtree(old) if old.is_dir() else old.unlink()


def _hash(contents: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()[:16]


def _run(module: str, *arguments: str, quiet: bool = False) -> None:
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH}
    output = subprocess.DEVNULL if quiet else None
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, env=environment, stdout=output)


if __name__ == "__main__":
    main()
