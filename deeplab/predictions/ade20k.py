"""ADE20K's scene parsing format: grey PNGs of ids 1 to 150, named like the images.

Bolei Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017; format:
https://github.com/CSAILVision/sceneparsing. 0 is "other", which counts
as wrong.
"""

from __future__ import annotations

from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo
from deeplab.predictions import FORMATS
from deeplab.predictions.semantic_png import SemanticPng, SemanticSink

_CLASSES = 150


@FORMATS.register("ade20k")
class Ade20k(SemanticPng):
    """Class maps with the challenge's class numbers."""

    def writer(self, path: Path, info: DatasetInfo) -> SemanticSink:
        """See `Format.writer`; all files are in one folder."""
        ids = [c.evaluation_id for c in info.classes]
        if min(ids) < 1 or max(ids) > _CLASSES:
            raise ValueError(
                f"data set {info.name!r} has evaluation ids {min(ids)} to {max(ids)}, "
                f"but the challenge has 1 to {_CLASSES}, as does ade20k_semantic"
            )
        return super().writer(path, info)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        return Path(name).name
