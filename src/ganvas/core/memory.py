"""Too little memory, as an error that can be answered, and not as a process that the system ends."""

import ctypes
import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

SPARED = 0.05
"""Share of what is free that is left to the rest of the machine."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST = 1 << 25  # that malloc can be asked not to map by itself
WORDS = ("allocate memory", "bad_alloc", "could not create a primitive", "could not create a memory")
"""How torch's CPU allocator, C++ and oneDNN say it."""


def is_lack_of_memory(error: Exception) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in WORDS)


def spare() -> None:
    """From now on give freed memory back at once; glibc would keep it, in pieces that nothing fits in."""
    gc.collect()
    with suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 20)
        libc.malloc_trim(0)


def keep() -> None:
    """From now on keep freed memory: to map a megabyte anew costs more than to multiply it."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST)
        libc.mallopt(M_TRIM_THRESHOLD, 32 * LARGEST)


@contextmanager
def bounded(device: torch.device) -> Iterator[None]:
    """Linux hands out more memory than there is, and kills whoever uses it; within, the allocator refuses.

    On a GPU the driver refuses by itself.
    """
    free = available() if device.type == "cpu" and sys.platform == "linux" else None
    if free is None:
        yield
        return
    import resource  # Windows has none

    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    own = _number(Path("/proc/self/status"), "VmData") * 1024
    limits = [own + int(free * (1 - SPARED)), *(v for v in (before, most) if v != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def available() -> int | None:
    """Bytes that this machine, or the container that this is, still has; None where it cannot be told."""
    try:
        free = _number(Path("/proc/meminfo"), "MemAvailable") * 1024
    except (OSError, ValueError):
        return None
    try:
        group = Path("/sys/fs/cgroup") / Path("/proc/self/cgroup").read_text().split("::", 1)[
            1
        ].strip().lstrip("/")
        used = int((group / "memory.current").read_text()) - _number(group / "memory.stat", "inactive_file")
        return max(0, min(free, int((group / "memory.max").read_text()) - used))
    except (OSError, ValueError, IndexError):  # no container, or one without a bound
        return free


def _number(file: Path, name: str) -> int:
    found = re.search(rf"^{name}:?\s+(\d+)", file.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{file} does not say {name}")
    return int(found[1])
