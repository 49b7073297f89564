"""Pascal Context: the 59 most frequent classes of the whole scene, on VOC 2010.

Roozbeh Mottaghi et al., "The Role of Context for Object Detection and Semantic
Segmentation in the Wild", CVPR 2014
(https://cs.stanford.edu/~roozbeh/pascal-context). Labels are PNGs, as other libraries
write and distribute them; the site's own files have 459 classes and need its toolbox:

  VOCdevkit/VOC2010/JPEGImages/*.jpg
  VOCdevkit/VOC2010/SegmentationClassContext/*.png   0 is the rest, then 1 to 59
  VOCdevkit/VOC2010/ImageSets/SegmentationContext/{train,val}.txt

The rest ("background") is void here: scores are over the 59 classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, RawImage, check_split, table_info
from deeplab.datasets.index_png import (
    ids_of,
    images_beside_labels,
    named_files,
    read_names,
)


@DATASETS.register("pascal_context")
class PascalContext(Dataset):
    """Pascal Context; evaluation ids are the ids in the files, class id + 1."""

    def __init__(self):
        super().__init__(
            table_info(
                "pascal_context",
                table="pascal_context",
                ignore_label=255,
                label_divisor=1000,
                splits={"train": 4998, "val": 5105},
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(self.info.splits))
        base = root / "VOCdevkit" / "VOC2010"
        listed = base / "ImageSets" / "SegmentationContext" / f"{split}.txt"
        folder = base / "SegmentationClassContext"
        return images_beside_labels(
            named_files(base / "JPEGImages", read_names(listed), ".jpg", listed),
            lambda path: folder / f"{path.stem}.png",
            ids_of(self.info, void=(0, 255)),
            self.info,
        )
