import json
import re

import numpy as np
import pytest
from PIL import Image

from deeplab.cli.main import main
from deeplab.data.shards import write_shards
from deeplab.datasets.base import LoadedImage, RawImage
from deeplab.datasets.toy_street.images import ToyStreet


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    images = ToyStreet(images=4, height=33, width=65).read(folder, "train")
    write(folder, images, 2)
    return folder


def write(folder, images, num_shards):
    write_shards(
        images, folder, split="train", num_shards=num_shards, workers=1, settings={}
    )


def check(*arguments):
    return main(["check-data", "--workers", "1", *map(str, arguments)])


def test_good_records(toy, capsys):
    assert check("--records", toy / "train-*.tfrecord", "--dataset", "toy_street") == 0
    output = capsys.readouterr().out
    assert "4 records" in output
    assert "no problem found" in output
    (road,) = (line for line in output.splitlines() if "road" in line)
    share = float(re.search(r"([\d.]+)%", road)[1])
    labels = np.stack(
        [
            i.load().label
            for i in ToyStreet(images=4, height=33, width=65).read(toy, "train")
        ]
    )
    assert share == pytest.approx(100 * np.mean(labels // 1000 == 2), abs=0.006)


def test_sizes_are_counted(toy, tmp_path, capsys):
    images = [
        *ToyStreet(images=3, height=33, width=65).read(toy, "train"),
        *ToyStreet(images=12, height=40, width=50).read(toy, "val")[:1],
    ]
    write(tmp_path, images, 1)
    assert check("--records", tmp_path / "*.tfrecord", "--dataset", "toy_street") == 0
    rows = re.findall(r"(\d+ x \d+)\D+(\d+)", capsys.readouterr().out)
    assert rows[-2:] == [("33 x 65", "3"), ("40 x 50", "1")]


def test_rare_sizes_are_summed_up(toy, tmp_path, capsys):
    images = [
        *ToyStreet(images=2, height=64, width=64).read(toy, "train"),
        *(
            ToyStreet(images=1, height=32 + i, width=50 - i).read(toy, f"{i}")[0]
            for i in range(12)
        ),
    ]
    write(tmp_path, images, 1)
    check("--records", tmp_path / "*.tfrecord", "--dataset", "toy_street")
    output = capsys.readouterr().out
    assert re.search(r"64 x 64\D+2\D", output)
    assert re.search(r"others\D+3\D", output)
    assert "13 sizes, heights 32 to 64, widths 39 to 64" in output


def test_the_picture_shows_the_share_of_each_class(toy, tmp_path):
    """The bar of a class, in its colour, is as long as its share of the pixels."""
    path = tmp_path / "new" / "statistics.png"
    records = ("--records", toy / "train-*.tfrecord", "--dataset", "toy_street")
    assert check(*records, "--picture", path) == 0
    picture = np.asarray(Image.open(path))
    scenes = ToyStreet(images=4, height=33, width=65)
    labels = np.stack([i.load().label for i in scenes.read(toy, "train")])
    for i, c in enumerate(scenes.info.classes):
        # All classes occur; bars of 420 columns have their rows below the title.
        row = picture[12 + 22 * (i + 1) + 2, 212:633]
        share = np.mean(labels // 1000 == c.id)
        length = np.all(row == c.color, axis=1).sum()
        assert length == pytest.approx(420 * share, abs=1.6)


def test_records_of_another_data_set(toy, capsys):
    records = toy / "train-*.tfrecord"
    assert check("--records", records, "--dataset", "motchallenge_step") == 1
    output = capsys.readouterr().out
    assert re.search(
        r"train-00000-of-00002\.tfrecord, record 0 \(train_000000\): ", output
    )
    assert "is not in data set 'motchallenge_step'" in output


def test_a_described_data_set(toy, tmp_path, capsys):
    description = tmp_path / "mine.json"
    classes = [{"id": i, "name": f"class {i}"} for i in range(8)]
    description.write_text(json.dumps({"classes": classes}))
    assert check("--records", toy / "*.tfrecord", "--description", description) == 0
    assert "class 7" in capsys.readouterr().out


def test_the_data_of_a_config(toy, tmp_path, capsys):
    config = tmp_path / "config.textproto"
    config.write_text(
        f"""
        train_dataset_options {{
          dataset: "toy_street"
          file_pattern: "{toy}/train-00000*"
        }}
        eval_dataset_options {{
          dataset: "toy_street"
          file_pattern: "{toy}/train-00001*"
        }}
        """
    )
    assert check("--config_file", config) == 0
    output = capsys.readouterr().out
    assert output.count("no problem found") == 2
    assert "train_dataset_options as toy_street" in output


def unknown_class():
    photo = ToyStreet(images=1, height=33, width=65).read(None, "train")[0].load()
    return LoadedImage(photo.image, np.full((33, 65), 99_000, np.int32))


def test_problems_end_in_status_1_and_are_counted(tmp_path, capsys):
    images = [RawImage(str(i), unknown_class, "") for i in range(25)]
    write(tmp_path, images, 1)
    records = tmp_path / "*.tfrecord"
    assert check("--records", records, "--dataset", "motchallenge_step") == 1
    output = capsys.readouterr().out
    assert output.count("problem /") == 20
    assert "... and 5 more problems" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--records", "nowhere/*"], "--records needs --dataset or --description"),
        (
            ["--records", "nowhere/*", "--dataset", "toy_street"],
            "no file matches 'nowhere/*'",
        ),
        (["--config_file", "nowhere.textproto"], "nowhere.textproto"),
    ],
)
def test_what_the_user_has_to_change(capsys, arguments, message):
    assert check(*arguments) == 2
    assert message in capsys.readouterr().err


def test_the_same_data_is_checked_once_and_absent_classes_take_one_line(
    toy, tmp_path, capsys
):
    section = 'dataset: "toy_street" file_pattern: "nowhere-*"'
    config = tmp_path / "config.textproto"
    config.write_text(
        f"train_dataset_options {{ {section} }} eval_dataset_options {{ {section} }}"
    )
    description = tmp_path / "mine.json"
    classes = [{"id": i, "name": f"class {i}"} for i in range(12)]
    description.write_text(json.dumps({"classes": classes}))
    pattern = f"{toy}/train-*"
    arguments = ["--config_file", config]
    for name in ("train", "eval"):
        arguments += ["--set", f"{name}_dataset_options.file_pattern={pattern}"]
    assert check(*arguments) == 0
    assert capsys.readouterr().out.count("no problem found") == 1
    check("--records", pattern, "--description", description)
    assert "4 classes do not occur: class 8, class 9, class 10, class 11" in (
        capsys.readouterr().out
    )
