import pytest

from deeplab.predictions import FORMATS
from deeplab.predictions.submission import listed_file


def test_a_format_with_a_json_is_given_it(tmp_path):
    coco, street = (FORMATS.get(name)() for name in ("coco_panoptic", "kitti_step"))
    assert listed_file(tmp_path, street) == tmp_path
    with pytest.raises(ValueError, match=r"panoptic\.json, but there are 0"):
        listed_file(tmp_path, coco)
    (tmp_path / "any.json").touch()
    assert listed_file(tmp_path, coco) == tmp_path / "any.json"
    assert listed_file(tmp_path / "any.json", coco) == tmp_path / "any.json"
    (tmp_path / "second.json").touch()
    with pytest.raises(ValueError, match="there are 2"):
        listed_file(tmp_path, coco)
