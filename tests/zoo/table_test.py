import pytest

from deeplab.zoo.table import ZooError, entries, find, projects, search


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
    with pytest.raises(ZooError, match=r"named 'zzz'; `deeplab zoo list` shows all"):
        find("zzz")


def test_every_entry_belongs_to_a_paper():
    assert {entry.project for entry in entries().values()} == set(projects())


def test_all_words_have_to_be_there():
    found = search(["KMAX", "resnet", "coco"])
    assert find("kmax_resnet50_coco_train") in found
    assert all("kmax" in entry.name for entry in found)
    assert search([]) == list(entries().values())
    with pytest.raises(ZooError, match="no published checkpoint has the words a zzz"):
        search(["a", "zzz"])


def test_one_score_sums_a_model_up():
    assert find("kmax_resnet50_coco_train").score == "PQ 53.0"
    scores = {entry.score.split(" ")[0] for entry in entries().values()}
    assert {"PQ", "STQ", "VPQ", "top-1"} <= scores
