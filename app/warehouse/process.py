"""Who this process is, so that a lock's live holder is told from a dead one."""

import os
import socket
from pathlib import Path


def machine() -> str:
    """Return what two processes share that can see each other's pids: host, boot and pid namespace."""
    boot = _read("/proc/sys/kernel/random/boot_id")
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}/{boot}/{namespace}"


def process() -> str:
    """Return this process as ``pid/start``; a pid used again has another start."""
    return f"{os.getpid()}/{_started(os.getpid())}"


def alive(name: str) -> bool:
    """Return whether a process of this machine, named by ``process``, still runs."""
    pid, _, started = name.partition("/")
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    stat = _read(f"/proc/{pid}/stat")
    fields = stat.rpartition(")")[2].split()
    is_zombie = bool(fields) and fields[0] == "Z"
    return fields[19] if len(fields) > 19 and not is_zombie else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:  # not Linux, or the process is gone
        return ""
