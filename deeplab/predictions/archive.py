"""Packs folders of predictions as .zip archives, as servers accept them.

Equal files give equal archives: names are sorted, and times are omitted.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from deeplab.core.atomic_file import atomic_file
from deeplab.datasets.base import path_inside

# Suffixes of files that are already compressed.
_PACKED = frozenset((".png",))
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644


def write_zip(folder: Path, archive: Path) -> None:
    """Writes all files below a folder to an archive, with paths relative to it.

    Raises:
      ValueError: the folder has no files, or the archive would be inside it.
      OSError: a file cannot be read or written.
    """
    if archive.resolve().is_relative_to(folder.resolve()):
        raise ValueError(
            f"{archive} is inside {folder}, which it packs: choose another path"
        )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise ValueError(f"{folder} has no files to pack")
    with atomic_file(archive) as opened, zipfile.ZipFile(opened, "w") as packed:
        for path in files:
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _TIME)
            member.external_attr = _MODE << 16
            member.compress_type = (
                zipfile.ZIP_STORED if path.suffix in _PACKED else zipfile.ZIP_DEFLATED
            )
            # Files above 4 GiB need other headers, so the size must be known.
            member.file_size = path.stat().st_size
            with path.open("rb") as source, packed.open(member, "w") as target:
                shutil.copyfileobj(source, target)


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yields a file or folder itself, or the content of an archive as a folder.

    Args:
      path: file, folder or .zip. A .zip is unpacked to a temporary folder, which is
        removed when the block ends.

    Raises:
      ValueError: `path` does not exist; or see `extract_zip`.
    """
    if path.suffix != ".zip":
        if not path.exists():
            raise ValueError(f"{path}: no such file or directory")
        yield path
        return
    with tempfile.TemporaryDirectory() as temporary:
        extract_zip(path, Path(temporary))
        yield Path(temporary)


def extract_zip(archive: Path, folder: Path) -> None:
    """Unpacks an archive into a folder, and nowhere else.

    Raises:
      ValueError: the archive is not a complete .zip or is encrypted, or a member points
        outside the folder or is listed twice.
      OSError: a file cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            seen = set()
            for member in packed.infolist():
                path = path_inside(folder, member.filename, archive)
                if path in seen:
                    raise ValueError(f"{archive} lists {member.filename} twice")
                seen.add(path)
                if member.is_dir():
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(member) as source, path.open("xb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # Encrypted members and unknown compressions are RuntimeErrors.
        raise ValueError(f"{archive}: not a complete .zip: {error}") from error
