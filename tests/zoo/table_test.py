import pytest

from deeplab.zoo.table import ZooError, entries, find, projects


def test_entry():
    entry = find("kmax_resnet50_coco_train")
    assert entry.title == "ResNet-50"
    assert entry.config == "coco/kmax_deeplab/kmax_meta_r50_os32"
    assert entry.file == "kmax_resnet50_coco_train.tar.gz"
    assert entry.published["val PQ, official"] == "53.0"
    assert projects()[entry.project].title == "kMaX-DeepLab"


def test_near_names_are_told():
    with pytest.raises(ZooError, match="did you mean 'kmax_resnet50_coco_train'"):
        find("kmax_resnet50_coco")
    with pytest.raises(ZooError, match=r"named 'zzz'; `deeplab zoo list` has all"):
        find("zzz")


def test_every_entry_belongs_to_a_paper():
    assert {entry.project for entry in entries().values()} == set(projects())
