"""How many CPUs the model may use, and keeping the tokenizer to as many."""

from __future__ import annotations

import math
import os
from collections.abc import MutableMapping
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_POOL, _PARALLEL = "RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM"
_GIVEN = frozenset(os.environ)
"""What the environment said before us: a user's own word stays."""


def cores(cgroup: Path = _CGROUP) -> int:
    """CPUs that this process may use: those it may run on, and no more than its quota pays for.

    A container's quota does not show in the affinity: a pod with 2 of 64 CPUs started 64 threads,
    which the scheduler then stopped for most of each period.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _quota(cgroup)
    return min(there or 1, quota) if quota else there or 1


def bound_tokenizers(threads: int, environ: MutableMapping[str, str] = os.environ) -> None:
    """Keeps the tokenizers library to `threads`; call it before the library encodes anything.

    Its pool has a thread for each CPU of the machine unless the environment says otherwise, and
    keeps the size that it had when it was first used.
    """
    if _POOL not in _GIVEN:
        environ[_POOL] = str(threads)
    if _PARALLEL in _GIVEN:
        return
    if threads == 1:
        environ[_PARALLEL] = "false"
    else:
        # Never "true": that would also force it upon a forked child, whose pool does not answer.
        environ.pop(_PARALLEL, None)


def _quota(cgroup: Path) -> int | None:
    """Whole CPUs of the quota, version 2 or 1; None where there is none ("max", -1)."""
    old = cgroup / "cpu"
    version_1 = _words(old / "cpu.cfs_quota_us") + _words(old / "cpu.cfs_period_us")
    for words in (_words(cgroup / "cpu.max"), version_1):
        if len(words) == 2 and all(map(str.isdecimal, words)) and int(words[1]):
            return max(1, math.ceil(int(words[0]) / int(words[1])))
    return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
