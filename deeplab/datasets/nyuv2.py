"""NYU Depth V2: 1,449 indoor scenes with depth and the 40 classes of Gupta et al.

Nathan Silberman et al., "Indoor Segmentation and Support Inference from RGBD Images",
ECCV 2012 (https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html), and Saurabh Gupta
et al., "Perceptual Organization and Recognition of Indoor Scenes from RGB-D Images",
CVPR 2013. The sites' Matlab files are read directly:

  nyu_depth_v2_labeled.mat   images, depths, labels (894 names)
  splits.mat                 trainNdxs, testNdxs
  classMapping40.mat         mapClass: name -> 1 to 40

Depth is `depths`, in which the authors have filled the holes.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    Dataset,
    LoadedImage,
    RawImage,
    check_split,
    table_info,
)
from deeplab.datasets.index_png import class_label
from deeplab.datasets.matlab_file import open_hdf5, read_mat

_INDICES = {"train": "trainNdxs", "test": "testNdxs"}


@DATASETS.register("nyuv2")
class Nyuv2(Dataset):
    """NYU Depth V2; evaluation ids are 1 to 40, and 0 in the files is void."""

    def __init__(self):
        super().__init__(
            table_info(
                "nyuv2",
                table="nyuv2",
                ignore_label=255,
                label_divisor=1000,
                splits={"train": 795, "test": 654},
                is_depth=True,
                ignore_depth=0,
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(_INDICES))
        data = root / "nyu_depth_v2_labeled.mat"
        (chosen,) = read_mat(root / "splits.mat", _INDICES[split])
        indices = np.sort(np.atleast_1d(chosen).astype(int)) - 1
        with open_hdf5(data) as file:
            missing = {"images", "depths", "labels"} - set(file)
            if missing:
                raise ValueError(f"{data} lacks the variables {sorted(missing)}")
            count = len(file["images"])
        if indices[0] < 0 or indices[-1] >= count:
            raise ValueError(
                f"{root / 'splits.mat'}: names images {indices[0] + 1} to "
                f"{indices[-1] + 1}, but {data.name} has {count}"
            )
        class_ids = self._class_ids(root / "classMapping40.mat")
        return [
            RawImage(
                f"{index + 1:04d}",
                functools.partial(_load, data, index, class_ids, self.info),
                f"{data}, image {index + 1}",
            )
            for index in indices.tolist()
        ]

    def _class_ids(self, path: Path) -> dict[int, int]:
        """Returns number of a name -> class id, from the mapping file.

        Raises:
          ValueError: the file maps a name to a class outside 1 to 40.
        """
        (mapped,) = read_mat(path, "mapClass")
        known = {c.evaluation_id: c.id for c in self.info.classes}
        result = {0: self.info.ignore_label}
        for number, target in enumerate(np.atleast_1d(mapped).tolist(), start=1):
            if target not in known:
                raise ValueError(f"{path}: name {number} has class {target}, not 1-40")
            result[number] = known[target]
        return result


def _load(
    data: Path, index: int, class_ids: Mapping[int, int], info: DatasetInfo
) -> LoadedImage:
    """Reads an image with labels and depth; Matlab stores columns before rows."""
    with open_hdf5(data) as file:
        pixels = np.asarray(file["images"][index]).transpose(2, 1, 0)
        ids = np.asarray(file["labels"][index]).T.astype(np.int32)
        depth = np.asarray(file["depths"][index]).T.astype(np.float32)
    label = class_label(ids, class_ids, info, data.with_name(f"{data.name}[{index}]"))
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return LoadedImage(buffer.getvalue(), label, depth=depth)
