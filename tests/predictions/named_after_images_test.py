"""Formats that keep part of an image's path, and their ids."""

import numpy as np
import pytest

from deeplab.datasets import DATASETS
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap


def write(layout, dataset, name, folder):
    info = DATASETS.get(dataset)().info
    sink = FORMATS.get(layout)().writer(folder, info)
    void = info.ignore_label * info.label_divisor
    sink.write(name, LabelMap(np.array([[void]], np.int32)))
    return [p.relative_to(folder).as_posix() for p in folder.rglob("*.png")]


def test_ade20k_is_called_like_the_image(tmp_path):
    name = "validation/ADE_val_00000001"
    files = write("ade20k", "ade20k_semantic", name, tmp_path)
    assert files == ["ADE_val_00000001.png"]
    with pytest.raises(ValueError, match=r"ids 0 to 149, but .* 1 to 150"):
        write("ade20k", "ade20k_panoptic", name, tmp_path)


def test_motchallenge_leaves_its_folder_of_images_out(tmp_path):
    files = write("motchallenge_step", "motchallenge_step", "0001/img1/1", tmp_path)
    assert files == ["0001/1.png"]
    with pytest.raises(ValueError, match="'1': a frame has to be named"):
        write("motchallenge_step", "motchallenge_step", "1", tmp_path)
    with pytest.raises(ValueError, match=r"evaluation id 18, but .* 0 to 6"):
        write("motchallenge_step", "kitti_step", "0001/1", tmp_path)
