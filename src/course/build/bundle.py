"""`npm run bundle`: everything that the page's Python is made of, below docs/assets/course/.

Pyodide's own files, our wheel and pytest's, the lock file that names their hashes, and the graders. The wheel and
the lock file are the same bytes whenever they are made from the same tree.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ASSETS = Path("docs/assets/course")
CACHE = Path("build/wheels")
PYODIDE = Path("node_modules/pyodide")
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
NEEDED = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")
EPOCH = "1577836800"  # any fixed time: the archives' entries carry it


def main() -> None:
    """Makes the bundle; raises CalledProcessError when a tool fails."""
    for name in ("pyodide", "wheels"):
        shutil.rmtree(ASSETS / name, ignore_errors=True)
        (ASSETS / name).mkdir(parents=True)
    for name in RUNTIME:
        shutil.copy(PYODIDE / name, ASSETS / "pyodide")
    wheels = [*_third_party(), _ours()]
    for wheel in wheels:
        shutil.copy(wheel, ASSETS / "wheels")
    lock = _named("pyodide-lock", "json", _lock())
    data = _named("course", "zip", _data())
    manifest = {"lock": lock, "wheels": [*NEEDED, "effectively-once"], "data": data}
    (ASSETS / "manifest.json").write_text(json.dumps(manifest))


def _third_party() -> list[Path]:
    """The wheels of pytest and what it needs, by the pins and hashes of requirements.lock; downloaded once."""
    pins = re.findall(
        r"^([a-z0-9-]+)==.*?(?=^[a-z0-9-]+==|\Z)", Path("requirements.lock").read_text(), re.M | re.S
    )
    blocks = re.split(r"^(?=[a-z0-9-]+==)", Path("requirements.lock").read_text(), flags=re.M)
    chosen = "".join(block for block in blocks if block.partition("==")[0] in NEEDED)
    assert set(NEEDED) <= set(pins), "requirements.lock lacks a package of the bundle"
    folder = CACHE / hashlib.sha256(chosen.encode()).hexdigest()[:16]
    if not folder.is_dir():
        fresh = folder.with_suffix(".new")
        fresh.mkdir(parents=True, exist_ok=True)
        pins_file = fresh / "requirements.txt"
        pins_file.write_text(chosen)
        _run("pip", "download", "--quiet", "--no-deps", "--require-hashes", "-r", str(pins_file), "-d", str(fresh))
        fresh.rename(folder)
    return sorted(folder.glob("*.whl"))


def _ours() -> Path:
    folder = CACHE / "ours"
    shutil.rmtree(folder, ignore_errors=True)
    _run("build", "--wheel", "--no-isolation", "--outdir", str(folder), quiet=True)
    return next(folder.glob("*.whl"))


def _lock() -> bytes:
    """Pyodide's lock file with our wheels added to it."""
    made = CACHE / "pyodide-lock.json"
    wheels = sorted(str(path) for path in (ASSETS / "wheels").glob("*.whl"))
    options = ["--base-path", str(ASSETS / "wheels"), "--input", str(PYODIDE / "pyodide-lock.json"), "--output"]
    command = [str(Path(sys.executable).with_name("pyodide")), "lockfile", "add-wheels", *options, str(made)]
    subprocess.run([*command, *wheels], check=True, stdout=subprocess.DEVNULL)
    return made.read_bytes()


def _data() -> bytes:
    """The exercises and their graders as one archive, to be unpacked at the course's root."""
    made = CACHE / "course.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in ("exercises", "tests/graders"):
            for path in sorted(Path(folder).rglob("*.py")):
                archive.writestr(zipfile.ZipInfo(path.as_posix()), path.read_bytes())
    return made.read_bytes()


def _named(stem: str, ending: str, content: bytes) -> str:
    """Writes an asset under a name that tells its content, and removes the one that it takes the place of."""
    for old in ASSETS.glob(f"{stem}-*.{ending}"):
        old.unlink()
    name = f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{ending}"
    (ASSETS / name).write_bytes(content)
    return name


def _run(module: str, *arguments: str, quiet: bool = False) -> None:
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH}
    output = subprocess.DEVNULL if quiet else None
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, env=environment, stdout=output)


if __name__ == "__main__":
    main()
