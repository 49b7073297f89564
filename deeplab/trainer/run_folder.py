"""The folder of a run: checkpoints, logs and pictures, on a disk or in an object store.

All access is through `tf.io.gfile`, so that gs://bucket/run works like a local path.
Paths are strings, since `pathlib` does not keep the scheme.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import tensorflow as tf

from deeplab.core.remote_path import as_os_errors, is_remote, read_text, tidy


class RunFolder:
    """A folder; its methods take file names relative to it.

    Every method raises OSError if a file cannot be read, written or removed.

    Attributes:
      path: path of the folder, as a string.
    """

    def __init__(self, path: str | os.PathLike[str]):
        """Refers to a folder, which need not exist yet."""
        self.path = tidy(path)

    def __str__(self) -> str:
        return self.path

    def __fspath__(self) -> str:
        return self.path

    @property
    def is_remote(self) -> bool:
        """Whether the folder is in an object store."""
        return is_remote(self.path)

    def join(self, *names: str) -> str:
        """Returns the path of a file or subfolder."""
        return os.path.join(self.path, *names)

    def below(self, name: str) -> RunFolder:
        """Returns a subfolder."""
        return RunFolder(self.join(name))

    def make(self) -> None:
        """Creates the folder and its parents if they do not exist."""
        with as_os_errors(self.path):
            tf.io.gfile.makedirs(self.path)

    def exists(self, name: str) -> bool:
        """Returns whether a file or subfolder exists."""
        with as_os_errors(self.join(name)):
            return tf.io.gfile.exists(self.join(name))

    def names(self) -> list[str]:
        """Returns the sorted names of its content; empty if it does not exist."""
        with as_os_errors(self.path):
            if not tf.io.gfile.isdir(self.path):
                return []
            # Object stores mark folders with a trailing slash.
            return sorted(n.rstrip("/") for n in tf.io.gfile.listdir(self.path))

    def read(self, name: str) -> str:
        """Returns the text of a file."""
        return read_text(self.join(name))

    def write(self, name: str, content: str | bytes) -> None:
        """Writes a file atomically, replacing an earlier one."""
        temporary = f"{name}.tmp"
        with as_os_errors(self.join(name)):
            with tf.io.gfile.GFile(self.join(temporary), "wb") as file:
                file.write(content)
            self.rename(temporary, name)

    def append(self, name: str, text: str) -> None:
        """Appends text to a file and flushes it to storage."""
        if self.is_remote:
            # Object stores cannot append: the whole file is rewritten. A kill leaves
            # either the old file or the new one.
            before = self.read(name) if self.exists(name) else ""
            self.write(name, before + text)
            return
        with open(self.join(name), "a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, name: str, new_name: str) -> None:
        """Renames a file, replacing one with the new name."""
        with as_os_errors(self.join(name)):
            tf.io.gfile.rename(self.join(name), self.join(new_name), overwrite=True)

    def remove(self, name: str) -> None:
        """Removes a file, or a folder with its content."""
        path = self.join(name)
        with as_os_errors(path):
            if tf.io.gfile.isdir(path):
                tf.io.gfile.rmtree(path)
            else:
                tf.io.gfile.remove(path)

    def fill_from(self, folder: Path) -> None:
        """Copies all files of a local folder here, replacing those of the same name.

        Args:
          folder: folder on a local disk; subfolders are kept.
        """
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            place = self.below(path.parent.relative_to(folder).as_posix())
            place.make()
            place.write(path.name, path.read_bytes())


def remove_quietly(folder: RunFolder, name: str) -> None:
    """Removes a file or folder if it can be removed.

    For the remains of a failed write, whose own error is the one to report.
    """
    with contextlib.suppress(OSError):
        folder.remove(name)
