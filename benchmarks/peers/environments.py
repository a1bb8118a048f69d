"""A virtual environment per peer, made when first needed, and a process in it that knows nothing of its surroundings."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

__all__ = ["PeerFailedError", "measure", "python_of"]

KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")
SWITCHES = {
    "DO_NOT_TRACK": "1",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "OTEL_SDK_DISABLED": "true",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PYTHONHASHSEED": "0",
}
"""What keeps the peers from sending anything anywhere, and what makes two runs alike."""


class PeerFailedError(Exception):
    """A peer could not be installed, or its script gave no result."""


def python_of(name: str, requirements: tuple[str, ...], folder: Path) -> Path:
    """Return the interpreter of the peer's environment, made and filled if it is not there yet."""
    place = folder / name
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    note = place / "requirements.txt"  # written last, so that a half-filled environment is filled again
    wanted = "\n".join(requirements) + "\n"
    if note.is_file() and note.read_text(encoding="utf-8") == wanted:
        return python
    print(f"{name}: filling {place} with {' '.join(requirements)}", file=sys.stderr)
    if not python.exists():
        _finish([sys.executable, "-m", "venv", str(place)], f"making {place}")
    _finish([str(python), "-m", "pip", "install", "-q", *requirements], f"pip install {' '.join(requirements)}")
    note.write_text(wanted, encoding="utf-8")
    return python


def _finish(command: list[str], what: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own words
    if done.returncode:
        raise PeerFailedError(f"{what} failed: {_last_line(done.stderr) or _last_line(done.stdout)}")


def measure(python: Path, script: Path, arguments: list[str], limit: float) -> dict[str, Any]:
    """Run the script by its path and return the document that is the last line of its output."""
    with TemporaryDirectory(prefix="peer-") as home:
        environment = {key: os.environ[key] for key in KEPT if key in os.environ} | SWITCHES
        # Settings of the user must not change what is measured, and databases of a peer must not outlive it.
        environment |= {"HOME": home, "USERPROFILE": home, "PREFECT_HOME": str(Path(home, "prefect"))}
        process = subprocess.Popen(  # noqa: S603 - our own words
            [str(python.absolute()), str(script.resolve()), *arguments],
            cwd=home,
            env=environment,
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            output, complaints = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            _end(process)
            _, complaints = process.communicate()
            raise PeerFailedError(f"{script.name} ran longer than {limit:g} s; {_said(complaints)}") from None
        finally:
            _end(process)
    if process.returncode:
        raise PeerFailedError(f"{script.name} ended with exit code {process.returncode}; {_said(complaints)}")
    try:
        document: dict[str, Any] = json.loads(_last_line(output))
    except ValueError:
        raise PeerFailedError(f"{script.name} printed no JSON document last; {_said(complaints)}") from None
    return document


def _end(process: subprocess.Popen[str]) -> None:
    """End the script and whatever it started: they share the session that was opened for them."""
    with suppress(OSError):  # all gone already
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _said(complaints: str) -> str:
    return f"last on its stderr: {_last_line(complaints) or '(nothing)'}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""
