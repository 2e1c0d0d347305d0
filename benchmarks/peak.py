"""The peak memory of this process alone: `ru_maxrss` goes over from what started it, even through exec."""

import resource
from pathlib import Path


def peak_mb() -> float:
    """Megabytes that this process has held at most."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
