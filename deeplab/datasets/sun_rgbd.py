"""SUN RGB-D: 10,335 indoor scenes from four depth cameras, with 37 classes.

Shuran Song et al., "SUN RGB-D: A RGB-D Scene Understanding Benchmark Suite", CVPR
2015 (https://rgbd.cs.princeton.edu). The files of `SUNRGBD.zip` and
`SUNRGBDtoolbox.zip`:

  SUNRGBD/<camera>/.../image/*.jpg, depth_bfx/*.png
  SUNRGBDtoolbox/Metadata/SUNRGBDMeta.mat             path of each image
  SUNRGBDtoolbox/Metadata/SUNRGBD2Dseg.mat            label maps, in the same order
  SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat        alltrain, alltest

Label maps are read from `SUNRGBD2Dseg.mat` one at a time. Depth is `depth_bfx`, with
holes filled, decoded and clipped to 8 metres as the toolbox does.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    Dataset,
    LoadedImage,
    RawImage,
    check_split,
    path_inside,
    table_info,
)
from deeplab.datasets.index_png import class_label, ids_of, read_index_png
from deeplab.datasets.matlab_file import open_hdf5, read_mat

_LISTS = {"train": "alltrain", "test": "alltest"}
_TOOLBOX = "SUNRGBDtoolbox"
_FARTHEST = 8.0


@DATASETS.register("sun_rgbd")
class SunRgbd(Dataset):
    """SUN RGB-D; evaluation ids are 1 to 37, and 0 in the files is void."""

    def __init__(self):
        super().__init__(
            table_info(
                "sun_rgbd",
                table="sun_rgbd",
                ignore_label=255,
                label_divisor=1000,
                splits={"train": 5285, "test": 5050},
                is_depth=True,
                ignore_depth=0,
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(_LISTS))
        listed = root / _TOOLBOX / "traintestSUNRGBD" / "allsplit.mat"
        (folders,) = read_mat(listed, _LISTS[split])
        chosen = {_inside(str(f), listed) for f in np.atleast_1d(folders).tolist()}
        metadata = root / _TOOLBOX / "Metadata"
        listed = metadata / "SUNRGBDMeta.mat"
        (entries,) = read_mat(listed, "SUNRGBDMeta")
        images = []
        for index, entry in enumerate(np.atleast_1d(entries)):
            folder = _inside(str(PurePosixPath(entry.rgbpath).parents[1]), listed)
            if folder not in chosen:
                continue
            photo, depth = (
                path_inside(root / "SUNRGBD", f"{folder}/{name}", listed)
                for name in (f"image/{entry.rgbname}", f"depth_bfx/{entry.depthname}")
            )
            maps = metadata / "SUNRGBD2Dseg.mat"
            load = functools.partial(_load, photo, depth, maps, index, self.info)
            images.append(RawImage(folder, load, str(photo)))
        if not images:
            raise ValueError(f"{listed} lists no images of the split {split!r}")
        return images


def _inside(path: str, listed: Path) -> str:
    """Returns the part after `SUNRGBD` of a path on the authors' disk."""
    _, found, inside = path.rstrip("/").partition("/SUNRGBD/")
    if not found:
        raise ValueError(f"{listed}: path {path!r} is outside SUNRGBD")
    return inside


def _load(
    photo: Path, depth_path: Path, maps: Path, index: int, info: DatasetInfo
) -> LoadedImage:
    with open_hdf5(maps) as file:
        try:
            reference = file["SUNRGBD2Dseg"]["seglabel"][index, 0]
            ids = np.asarray(file[reference]).T.astype(np.int32)
        except (KeyError, ValueError, IndexError) as error:
            raise ValueError(f"{maps}: no label map {index + 1}: {error}") from error
    label = class_label(
        ids, ids_of(info, void=(0,)), info, maps.with_name(f"{maps.name}[{index}]")
    )
    stored = read_index_png(depth_path).astype(np.uint16)
    # The file stores millimetres, rotated left by three bits.
    millimetres = (stored >> 3) | (stored << 13)
    depth = np.minimum(millimetres.astype(np.float32) / 1000, _FARTHEST)
    return LoadedImage(photo.read_bytes(), label, depth=depth)
