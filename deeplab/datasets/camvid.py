"""CamVid: video frames of streets in Cambridge; each class is a colour.

Gabriel Brostow et al., "Semantic Object Classes in Video: A High-Definition Ground
Truth Database", Pattern Recognition Letters 2009
(http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid).

  701_StillsRaw_full/*.png
  LabeledApproved_full/*_L.png      RGB colours of 31 classes; black is void
  {train,val,test}.txt              image names, such as the lists of SegNet

The site defines no splits. The usual ones are SegNet's (Vijay Badrinarayanan et al.,
PAMI 2017), which also merged the classes to 11. Split `all` needs no list.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, RawImage, check_split, table_info
from deeplab.datasets.image_file import read_image
from deeplab.datasets.index_png import (
    found_images,
    load_indexed,
    named_files,
    read_names,
)

# SegNet's class -> the original classes merged into it.
_MERGED = {
    "Sky": ("Sky",),
    "Building": ("Bridge", "Building", "Wall", "Tunnel", "Archway"),
    "Pole": ("Column_Pole", "TrafficCone"),
    "Road": ("Road", "LaneMkgsDriv", "LaneMkgsNonDriv"),
    "Pavement": ("Sidewalk", "ParkingBlock", "RoadShoulder"),
    "Tree": ("Tree", "VegetationMisc"),
    "SignSymbol": ("SignSymbol", "Misc_Text", "TrafficLight"),
    "Fence": ("Fence",),
    "Car": ("Car", "SUVPickupTruck", "Truck_Bus", "Train", "OtherMoving"),
    "Pedestrian": ("Pedestrian", "Child", "CartLuggagePram", "Animal"),
    "Bicyclist": ("Bicyclist", "MotorcycleScooter"),
}
_SPLITS = {"train": 367, "val": 101, "test": 233, "all": 701}


class CamVid(Dataset):
    """CamVid with the classes of a table.

    Args:
      info: description of the classes.
      colors: `packed` colour -> class id.
    """

    def __init__(self, info: DatasetInfo, colors: Mapping[int, int]):
        super().__init__(info)
        self._class_ids = {0: info.ignore_label, **colors}

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(_SPLITS))
        photos = root / "701_StillsRaw_full"
        images = found_images(photos, "*.png")
        if split != "all":
            listed = root / f"{split}.txt"
            names = [PurePosixPath(n).stem for n in read_names(listed)]
            images = named_files(photos, names, ".png", listed)
        return [
            RawImage(
                path.stem,
                functools.partial(
                    load_indexed,
                    path,
                    root / "LabeledApproved_full" / f"{path.stem}_L.png",
                    self._class_ids,
                    self.info,
                    _read_colors,
                ),
                str(path),
            )
            for path in images
        ]


def _read_colors(path: Path) -> np.ndarray:
    """Reads a colour image as `[H, W]` int32 packed colours."""
    pixels = np.asarray(read_image(path).convert("RGB")).astype(np.int32)
    return packed(pixels[..., 0], pixels[..., 1], pixels[..., 2])


def packed(red, green, blue):
    """Returns red * 65536 + green * 256 + blue, for integers or integer arrays."""
    return red * 65536 + green * 256 + blue


def _info(name: str) -> DatasetInfo:
    return table_info(
        name, table=name, ignore_label=255, label_divisor=1000, splits=_SPLITS
    )


@DATASETS.register("camvid")
def camvid() -> Dataset:
    """The 11 classes of SegNet."""
    info = _info("camvid")
    merged = {c.name: c.id for c in info.classes}
    parts = {part: merged[name] for name, of in _MERGED.items() for part in of}
    colors = {packed(*c.color): parts[c.name] for c in _info("camvid_32").classes}
    return CamVid(info, colors)


@DATASETS.register("camvid_32")
def camvid_32() -> Dataset:
    """All 31 classes, and void as the 32nd."""
    info = _info("camvid_32")
    return CamVid(info, {packed(*c.color): c.id for c in info.classes})
