"""The folder of a run: checkpoints, logs and pictures, on a disk or in an object store.

Everything goes through `tf.io.gfile`, so that gs://bucket/run serves as well as a local
path. Paths inside are text, since `pathlib` does not keep the scheme.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import tensorflow as tf

from deeplab.core.remote_path import as_os_errors, is_remote, read_text, tidy


class RunFolder:
    """A folder whose files are named relative to it.

    Every method raises OSError where a file cannot be read, written or removed.

    Attributes:
      path: the folder, as text.
    """

    def __init__(self, path: str | os.PathLike[str]):
        """Stands for a folder, which need not be there yet."""
        self.path = tidy(path)

    def __str__(self) -> str:
        return self.path

    def __fspath__(self) -> str:
        return self.path

    @property
    def is_remote(self) -> bool:
        """Whether it lies in an object store."""
        return is_remote(self.path)

    def join(self, *names: str) -> str:
        """Returns the path of a file or folder in it."""
        return os.path.join(self.path, *names)

    def below(self, name: str) -> RunFolder:
        """Returns a folder in it."""
        return RunFolder(self.join(name))

    def make(self) -> None:
        """Makes the folder, and those above it, unless it is there."""
        with as_os_errors(self.path):
            tf.io.gfile.makedirs(self.path)

    def exists(self, name: str) -> bool:
        """Returns whether there is such a file or folder in it."""
        with as_os_errors(self.join(name)):
            return tf.io.gfile.exists(self.join(name))

    def names(self) -> list[str]:
        """Returns the names of what lies in it, sorted; none if it is not there."""
        with as_os_errors(self.path):
            if not tf.io.gfile.isdir(self.path):
                return []
            # Object stores mark folders by a slash at the end.
            return sorted(n.rstrip("/") for n in tf.io.gfile.listdir(self.path))

    def read(self, name: str) -> str:
        """Returns the text of a file."""
        return read_text(self.join(name))

    def write(self, name: str, content: str | bytes) -> None:
        """Writes a file that is whole or not there; an earlier one is replaced."""
        temporary = f"{name}.tmp"
        with as_os_errors(self.join(name)):
            with tf.io.gfile.GFile(self.join(temporary), "wb") as file:
                file.write(content)
            self.rename(temporary, name)

    def append(self, name: str, text: str) -> None:
        """Adds text to the end of a file, and makes sure that it is stored."""
        if self.is_remote:
            # Object stores cannot append: the file is written anew, as a whole. A kill
            # leaves either the old file or the new one.
            before = self.read(name) if self.exists(name) else ""
            self.write(name, before + text)
            return
        with open(self.join(name), "a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, name: str, new_name: str) -> None:
        """Renames a file; one of the new name is replaced."""
        with as_os_errors(self.join(name)):
            tf.io.gfile.rename(self.join(name), self.join(new_name), overwrite=True)

    def remove(self, name: str) -> None:
        """Removes a file, or a folder with all that is in it."""
        path = self.join(name)
        with as_os_errors(path):
            if tf.io.gfile.isdir(path):
                tf.io.gfile.rmtree(path)
            else:
                tf.io.gfile.remove(path)

    def fill_from(self, folder: Path) -> None:
        """Copies the files below a local folder into it, replacing those of its names.

        Args:
          folder: a folder on a local disk.
        """
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            place = self.below(path.parent.relative_to(folder).as_posix())
            place.make()
            place.write(path.name, path.read_bytes())


def remove_quietly(folder: RunFolder, name: str) -> None:
    """Removes a file or folder if it can be removed.

    For what a failed write left: where the disk is gone, the first error counts.
    """
    with contextlib.suppress(OSError):
        folder.remove(name)
