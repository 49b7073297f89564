"""`deeplab doctor`: checks that this machine can run the library."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HELP = "check the installation and the machine, and say what to do"

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
      subject: what was looked at.
      detail: what was found.
      advice: what to do about it.
    """

    level: str
    subject: str
    detail: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{self.level:<4}  {self.subject:<10}  {self.detail}"
        return f"{line}\n{'':18}-> {self.advice}" if self.advice else line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        help="where runs will be written (here)",
    )


def run(args: argparse.Namespace) -> int:
    """Prints one line for each check.

    Returns:
      0, or 1 when something has to be repaired.
    """
    failed = 0
    for finding in examine(args.folder):
        print(finding, flush=True)
        failed += finding.level == "FAIL"
    if failed:
        print(f"\n{failed} of these stop the library from working.")
        return 1
    print("\nThe library can run here.")
    return 0


def examine(folder: Path) -> Iterator[Finding]:
    """Yields the findings of all checks; each stands alone.

    Args:
      folder: where runs will be written.
    """
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _packages,
        _schemas,
        _processor,
        _memory,
        lambda: _disk(folder),
        _devices,
    ]
    for check in checks:
        yield from check()


def _python() -> Iterator[Finding]:
    detail = f"{platform.python_version()} at {sys.executable}, {platform.platform()}"
    if (3, 10) <= sys.version_info[:2] <= (3, 13):
        yield Finding("ok", "python", detail)
    else:
        yield Finding("FAIL", "python", detail, "use Python 3.10, 3.11, 3.12 or 3.13")


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding("ok", "package", f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                "FAIL",
                "package",
                f"{name} is not installed",
                "install deeplab with pip, which installs what it needs",
            )


def _schemas() -> Iterator[Finding]:
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


def _processor() -> Iterator[Finding]:
    flags = _processor_flags()
    known = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]
    detail = f"{os.cpu_count()} cores"
    detail += f", {platform.machine()} {' '.join(known)}".rstrip()
    yield Finding("ok", "processor", detail)
    if flags and not {"avx512_bf16", "amx_bf16"} & flags:
        yield Finding(
            "ok",
            "bfloat16",
            "this processor computes it slower than float32; keep float32 on the CPU",
        )


def _processor_flags() -> set[str]:
    """Returns the features that Linux lists; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(("flags", "Features")):
            return set(line.partition(":")[2].split())
    return set()


def _memory() -> Iterator[Finding]:
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
            "take small crops and batches",
        )


def _disk(folder: Path) -> Iterator[Finding]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            first, second = Path(place, "first"), Path(place, "second")
            first.write_bytes(b"deeplab")
            first.rename(second)
            intact = second.read_bytes() == b"deeplab"
    except OSError as error:
        yield Finding("FAIL", "disk", str(error), "give a --folder you may write to")
        return
    free = shutil.disk_usage(folder).free
    detail = f"{free / _GIB:.1f} GiB free in {folder.resolve()}, files can be written"
    if not intact:
        yield Finding("FAIL", "disk", "a file read back differs", "use another disk")
    elif free < 2 * _GIB:
        yield Finding("warn", "disk", detail, "checkpoints need space: free some")
    else:
        yield Finding("ok", "disk", detail)


def _devices() -> Iterator[Finding]:
    # What goes wrong is reported here, in words.
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
            "the driver and the CUDA libraries may not fit: see `nvidia-smi`",
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
