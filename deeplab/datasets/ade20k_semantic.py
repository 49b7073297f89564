"""ADE20K semantic, or SceneParse150: scenes in 150 classes.

Bolei Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017
(http://sceneparsing.csail.mit.edu). Files of `ADEChallengeData2016.zip`:

  images/{training,validation}/*.jpg
  annotations/{training,validation}/*.png   grey; 0 is void, then 1 to 150
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, RawImage, check_split, table_info
from deeplab.datasets.index_png import found_images, ids_of, images_beside_labels

_FOLDERS = {"train": "training", "val": "validation"}


@DATASETS.register("ade20k_semantic")
class Ade20kSemantic(Dataset):
    """ADE20K semantic; evaluation ids are the ids in the files, class id + 1."""

    def __init__(self):
        super().__init__(
            table_info(
                "ade20k_semantic",
                table="ade20k_semantic",
                ignore_label=255,
                label_divisor=1000,
                splits={"train": 20210, "val": 2000},
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(_FOLDERS))
        folder = root / "annotations" / _FOLDERS[split]
        return images_beside_labels(
            found_images(root / "images" / _FOLDERS[split], "*.jpg"),
            lambda path: folder / f"{path.stem}.png",
            ids_of(self.info, void=(0,)),
            self.info,
        )
