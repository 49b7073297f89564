"""Lists the finished shards of a split in `<split>.manifest.json` next to them.

Workers on other machines write a note for each shard that they finish (`shard_file`).
A note counts like an entry of the manifest, and is deleted once the entry is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deeplab.core.atomic_file import atomic_file
from deeplab.data.shard_file import Shard, note_path, read_note


class Manifest:
    """The list of the finished shards of a split, on disk."""

    def __init__(self, folder: Path, split: str, settings: Mapping[str, Any]):
        """Opens the manifest of a split.

        Args:
          folder: folder of the shards.
          split: name of the split.
          settings: everything that the content of the shards depends on.
        """
        self._folder, self._split = folder, split
        self._path = folder / f"{split}.manifest.json"
        self._settings = dict(settings)

    def finished(self) -> dict[str, Shard]:
        """Returns the finished shards by file name.

        Raises:
          ValueError: the folder has shards of another conversion.
        """
        if not self._path.exists():
            if self._shards():
                raise ValueError(
                    f"{self._folder} has records of split {self._split!r} that no "
                    "manifest lists; choose another folder, or use --overwrite"
                )
            return {}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            shards = [Shard(**entry) for entry in content["shards"]]
            settings = content["settings"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._path}: not a manifest ({error}); choose another folder, or "
                "use --overwrite"
            ) from error
        shards += map(read_note, self._notes())
        if shards and settings != self._settings:
            changed = sorted(
                key
                for key in settings.keys() | self._settings.keys()
                if settings.get(key) != self._settings.get(key)
            )
            raise ValueError(
                f"{self._folder} has shards of a conversion with other settings "
                f"({', '.join(changed)}); choose another folder, or use --overwrite"
            )
        return {s.file: s for s in shards if self._is_there(s)}

    def save(self, shards: Iterable[Shard]) -> None:
        """Replaces the manifest with one that lists `shards`."""
        listed = sorted(shards, key=lambda s: s.file)
        content = {
            "settings": self._settings,
            "records": sum(s.records for s in listed),
            "complete": len(listed) == self._settings["num_shards"],
            "shards": [asdict(s) for s in listed],
        }
        with atomic_file(self._path) as file:
            file.write(json.dumps(content, indent=1).encode() + b"\n")
        for shard in listed:
            note_path(self._folder / shard.file).unlink(missing_ok=True)

    def remove(self) -> None:
        """Removes all shards of the split, from any conversion, and the manifest."""
        for path in (*self._shards(), *self._notes()):
            path.unlink()
        self._path.unlink(missing_ok=True)

    def _shards(self) -> list[Path]:
        return list(self._folder.glob(f"{self._split}-?????-of-?????.tfrecord"))

    def _notes(self) -> list[Path]:
        pattern = note_path(self._folder / f"{self._split}-?????-of-?????.tfrecord")
        return list(self._folder.glob(pattern.name))

    def _is_there(self, shard: Shard) -> bool:
        path = self._folder / shard.file
        return path.exists() and path.stat().st_size == shard.bytes
