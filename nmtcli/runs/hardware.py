"""Description of the machine, and the peak use of memory."""

import os
import platform
import sys
from pathlib import Path

from nmtcli import backend


def describe_hardware() -> dict:
    """Return {"processor", "cores", "memory_bytes", "gpus"}; an unknown value is None."""
    return {
        "processor": _processor(),
        "cores": backend.usable_processors(),
        "memory_bytes": _memory(),
        "gpus": _gpus(),
    }


def peak_memory() -> int | None:
    """Return the peak main memory of this process in bytes, or None if it is unknown."""
    try:
        import resource
    except ImportError:  # some systems lack it
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_device_memory() -> int | None:
    """Return the peak memory of the first GPU in bytes, or None if it is unknown."""
    if backend.choose() == "jax":
        import jax

        devices = [d for d in jax.local_devices() if d.platform != "cpu"]
        statistics = devices[0].memory_stats() if devices else None
        return (statistics or {}).get("peak_bytes_in_use")
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


def _processor() -> str | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Hardware"):
                return value.strip()
    except (OSError, UnicodeDecodeError):
        pass
    return platform.processor() or platform.machine() or None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _gpus() -> list[str]:
    if backend.choose() == "jax":
        import jax

        return [d.device_kind for d in jax.local_devices() if d.platform != "cpu"]
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return [one.get("device_name", "GPU") for one in details]
