import pytest

from deeplab.datasets import DATASETS
from tests.datasets.trees import photo

# Class 0, 999, and 134, the bird, which shares its name with class 517.
SYNSETS = {"n01440764": 0, "n15075141": 999, "n02012849": 134}


def imagenet_tree(root, split="train"):
    """An image of each of three synsets, by folders; returns name -> class."""
    classes = {}
    for synset, class_id in SYNSETS.items():
        classes[f"{synset}_10026"] = class_id
        # The site's files are JPEGs of this ending.
        folder = root / split / synset
        photo(folder / "x.jpg")
        (folder / "x.jpg").rename(folder / f"{synset}_10026.JPEG")
    return classes


def read(root, split):
    return DATASETS.get("imagenet")().read(root, split)


@pytest.mark.parametrize("split", ["train", "val"])
def test_classes_by_folder(tmp_path, split):
    classes = imagenet_tree(tmp_path, split)
    loaded = {image.name: image.load() for image in read(tmp_path, split)}
    assert {name: image.class_id for name, image in loaded.items()} == classes
    assert all(image.label is None for image in loaded.values())


def kaggle_val(root, text):
    imagenet_tree(root, "val")
    for path in list((root / "val").rglob("*.JPEG")):
        path.rename(root / "val" / path.name)
        path.parent.rmdir()
    (root / "LOC_val_solution.csv").write_text(text)


def test_validation_classes_of_the_solution(tmp_path):
    lines = ["ImageId,PredictionString"]
    # Boxes follow the synset; the classes here are turned round on purpose.
    turned = dict(zip(SYNSETS, reversed(SYNSETS), strict=True))
    lines += [f"{name}_10026,{other} 1 2 3 4 " for name, other in turned.items()]
    kaggle_val(tmp_path, "\n".join(lines))
    found = {image.name: image.load().class_id for image in read(tmp_path, "val")}
    expected = {f"{name}_10026": SYNSETS[other] for name, other in turned.items()}
    assert found == expected


def test_a_solution_that_does_not_fit(tmp_path):
    kaggle_val(tmp_path, "ImageId,PredictionString\nx,n01440764 1 2 3 4\n")
    with pytest.raises(ValueError, match=r"solution\.csv does not list n01440764_100"):
        read(tmp_path, "val")
    (tmp_path / "LOC_val_solution.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="lacks the columns ImageId, PredictionStrin"):
        read(tmp_path, "val")


def test_a_synset_outside_the_table(tmp_path):
    imagenet_tree(tmp_path)
    (tmp_path / "train/n01440764").rename(tmp_path / "train/n00000001")
    with pytest.raises(ValueError, match="'n00000001' is not among the 1,000 synsets"):
        read(tmp_path, "train")


def test_test_images_wrong_split_and_wrong_root(tmp_path):
    imagenet_tree(tmp_path, "train")
    (tmp_path / "train/n01440764").rename(tmp_path / "test")
    (image,) = read(tmp_path, "test")
    assert (image.load().class_id, image.load().label) == (None, None)
    with pytest.raises(ValueError, match="no split 'dev'; known: train, val, test"):
        read(tmp_path, "dev")
    with pytest.raises(ValueError, match="is the root correct"):
        read(tmp_path / "nowhere", "train")


def test_table():
    info = DATASETS.get("imagenet")().info
    assert (len(info.classes), info.num_classes) == (1000, 1000)
    assert len({c.name for c in info.classes}) == 1000
    assert info.by_id[0].name == "tench, Tinca tinca"
    assert info.by_id[134].name == "crane (n02012849)"
    assert info.by_id[517].name == "crane (n03126707)"
    assert info.by_id[999].name.startswith("toilet tissue")
