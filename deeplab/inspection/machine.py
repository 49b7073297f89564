"""Checks whether a machine can run the library, with advice for each problem."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = (
    "deeplab",
    "tensorflow",
    "tf-keras",
    "tf-models-official",
    "protobuf",
    "numpy",
    "pillow",
)
_GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
      level: "ok", "warn" or "FAIL".
      subject: what was checked.
      detail: what was found.
      advice: what to do about it; empty if nothing.
    """

    level: str
    subject: str
    detail: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{self.level:<4}  {self.subject:<10}  {self.detail}"
        return f"{line}\n{'':18}-> {self.advice}" if self.advice else line


def examine(folder: Path) -> Iterator[Finding]:
    """Yields the findings of all checks, which are independent of each other.

    Args:
      folder: folder of the runs.
    """
    checks: list[Callable[[], Iterator[Finding]]] = [
        check_python,
        check_packages,
        check_schemas,
        check_processor,
        check_memory,
        lambda: check_disk(folder),
        check_devices,
    ]
    for check in checks:
        yield from check()


def check_python() -> Iterator[Finding]:
    """Yields whether this version of Python is supported."""
    detail = f"{platform.python_version()} at {sys.executable}, {platform.platform()}"
    if (3, 10) <= sys.version_info[:2] <= (3, 13):
        yield Finding("ok", "python", detail)
    else:
        yield Finding("FAIL", "python", detail, "use Python 3.10, 3.11, 3.12 or 3.13")


def check_packages(names: Sequence[str] = PACKAGES) -> Iterator[Finding]:
    """Yields the versions of the packages, and which are missing."""
    for name in names:
        try:
            yield Finding("ok", "package", f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                "FAIL",
                "package",
                f"{name} is not installed",
                "install deeplab with pip, which installs what it needs",
            )


def check_schemas() -> Iterator[Finding]:
    """Yields whether the compiled schemas can be read."""
    try:
        from deeplab.config import parse_config

        parse_config("seed: 1")
    except ImportError as error:
        yield Finding(
            "FAIL",
            "schemas",
            f"the compiled schemas cannot be imported: {error}",
            "install again with `pip install -e .`, which compiles them",
        )
    else:
        yield Finding("ok", "schemas", "compiled, and read by this protobuf")


def check_processor() -> Iterator[Finding]:
    """Yields the number of cores, and the instructions that make them fast."""
    flags = processor_flags()
    known = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]
    detail = f"{os.cpu_count()} cores"
    detail += f", {platform.machine()} {' '.join(known)}".rstrip()
    yield Finding("ok", "processor", detail)
    if flags and not {"avx512_bf16", "amx_bf16"} & flags:
        yield Finding(
            "ok",
            "bfloat16",
            "slower than float32 on this processor; keep float32 on the CPU",
        )


def processor_flags(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Returns the processor features that Linux lists; empty on other systems."""
    if not path.exists():
        return set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(("flags", "Features")):
            return set(line.partition(":")[2].split())
    return set()


def check_memory() -> Iterator[Finding]:
    """Yields the size of the memory, if the system reports it."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    detail = f"{total / _GIB:.1f} GiB"
    if total >= 4 * _GIB:
        yield Finding("ok", "memory", detail)
    else:
        yield Finding(
            "warn",
            "memory",
            detail,
            "use small crops and batches",
        )


def check_disk(folder: Path) -> Iterator[Finding]:
    """Yields whether runs can be written to a folder, and the free space."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            first, second = Path(place, "first"), Path(place, "second")
            first.write_bytes(b"deeplab")
            first.rename(second)
            intact = second.read_bytes() == b"deeplab"
    except OSError as error:
        yield Finding("FAIL", "disk", str(error), "choose a writable --folder")
        return
    free = shutil.disk_usage(folder).free
    detail = f"{free / _GIB:.1f} GiB free in {folder.resolve()}, files can be written"
    if not intact:
        yield Finding("FAIL", "disk", "a file read back differs", "use another disk")
    elif free < 2 * _GIB:
        yield Finding("warn", "disk", detail, "checkpoints need space; free some")
    else:
        yield Finding("ok", "disk", detail)


def check_devices() -> Iterator[Finding]:
    """Yields whether TensorFlow computes correctly on each device."""
    # Problems are reported here instead of in TensorFlow's log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow as tf
    except Exception as error:  # A broken library raises more than ImportError.
        yield Finding(
            "FAIL",
            "tensorflow",
            f"cannot be imported: {error}",
            "install deeplab into a fresh environment",
        )
        return
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    for device in tf.config.list_logical_devices():
        yield _compute_on(tf, device.name)
    if not gpus and _has_nvidia_device():
        yield Finding(
            "warn",
            "gpu",
            "there is an NVIDIA device that TensorFlow cannot use",
            "pip install 'deeplab[gpu]', and check that nvidia-smi works",
        )
    elif not gpus:
        yield Finding("ok", "gpu", "none; computing on the CPU")


def _compute_on(tf: Any, name: str) -> Finding:
    try:
        with tf.device(name):
            image, kernel = tf.ones([1, 8, 8, 3]), tf.ones([1, 1, 3, 2])
            total = float(tf.reduce_sum(tf.nn.conv2d(image, kernel, 1, "SAME")))
    except (tf.errors.OpError, RuntimeError) as error:
        return Finding(
            "FAIL",
            "device",
            f"{name}: a convolution failed: {str(error).splitlines()[0]}",
            "the driver and the CUDA libraries may not match: see `nvidia-smi`",
        )
    if total != 8 * 8 * 3 * 2:
        return Finding(
            "FAIL",
            "device",
            f"{name}: a convolution gives {total} instead of 384",
            "the hardware or its driver is faulty; compute on another device",
        )
    return Finding("ok", "device", f"{name}: a convolution gives the right result")


def _has_nvidia_device() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or bool(
        shutil.which("nvidia-smi")
    )
