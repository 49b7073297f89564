import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from deeplab.cli.main import main
from deeplab.data.parsed_example import parse_example
from deeplab.data.shards import read_records
from tests.datasets import trees

TOY = ["convert", "toy_street", "--height", "33", "--width", "65", "--workers", "1"]


def records(folder, pattern="*.tfrecord"):
    paths = sorted(folder.glob(pattern))
    return [parse_example(record) for path in paths for record in read_records(path)]


def test_toy_street_in_two_splits(tmp_path, capsys):
    arguments = [*TOY, "--output", str(tmp_path), "--images", "3"]
    assert main([*arguments, "--split", "train", "val", "--shards", "2"]) == 0
    assert len(records(tmp_path, "train-*-of-00002.tfrecord")) == 3
    assert len(records(tmp_path, "val-*-of-00002.tfrecord")) == 3
    output = capsys.readouterr().out
    assert f"train: 3 records in 2 files in {tmp_path}" in output
    assert "kept" not in output


def test_a_second_run_says_that_it_continues(tmp_path, capsys):
    arguments = [*TOY, "--output", str(tmp_path), "--images", "3", "--shards", "3"]
    main(arguments)
    (tmp_path / "train-00001-of-00003.tfrecord").unlink()
    assert main(arguments) == 0
    assert "kept 2 shards of an earlier run" in capsys.readouterr().out
    assert len(records(tmp_path)) == 3
    assert main([*arguments, "--seed", "1"]) == 2
    assert "other settings (seed)" in capsys.readouterr().err
    assert main([*arguments, "--seed", "1", "--overwrite"]) == 0


def checksums(folder):
    manifest = json.loads((folder / "train.manifest.json").read_text())
    assert manifest["complete"]
    return {shard["file"]: shard["sha256"] for shard in manifest["shards"]}


def test_the_killed_command_run_again_equals_an_unbroken_run(tmp_path):
    """SIGKILL leaves no time to tidy up, neither to the command nor to its workers."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    arguments = ["convert", "toy_street", "--images", "60", "--shards", "12"]
    arguments += ["--workers", "2", "--output"]
    command = [sys.executable, "-m", "deeplab.cli.main", *arguments, str(broken)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 120
    while not list(broken.glob("train-*.tfrecord")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(list(broken.glob("train-*.tfrecord"))) < 12
    assert main([*arguments, str(broken)]) == 0
    assert main([*arguments, str(whole)]) == 0
    assert checksums(broken) == checksums(whole)
    assert sorted(p.name for p in broken.iterdir()) == sorted(
        p.name for p in whole.iterdir()
    )


def test_coco_keeps_crowds_unless_told_otherwise(tmp_path):
    root = trees.coco_tree(tmp_path / "coco")
    arguments = ["convert", "coco_panoptic", "--root", str(root), "--split", "val"]
    arguments += ["--workers", "1", "--output"]
    assert main([*arguments, str(tmp_path / "kept")]) == 0
    assert main([*arguments, str(tmp_path / "gone"), "--crowd_as_ignore"]) == 0
    for folder, crowd in (("kept", 256), ("gone", 0)):
        parsed = records(tmp_path / folder)
        assert [p["filename"].numpy() for p in parsed] == [
            b"000000000001",
            b"000000000002",
        ]
        for example in parsed:
            np.testing.assert_array_equal(example["label"], trees.coco_label(crowd))


def test_a_folder_takes_its_description_along(tmp_path):
    root = trees.folder_tree(tmp_path / "mine")
    output = tmp_path / "records"
    arguments = ["convert", "folder", "--root", str(root), "--output", str(output)]
    assert main([*arguments, "--workers", "1"]) == 0
    assert len(records(output)) == 3
    description = json.loads((output / "description.json").read_text())
    assert description == trees.DESCRIPTION


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toy_stret"], "unknown data set 'toy_stret'; did you mean toy_street"),
        (["coco_panoptic"], "coco_panoptic is read from a raw folder: give --root"),
        (["coco_panoptic", "--root", "x", "--two_frames"], "no option --two_frames"),
        (["coco_panoptic", "--root", "x", "--seed", "1"], "has no option --seed"),
        (["toy_street", "--images", "0"], "0 images; draw at least one"),
        (["toy_street", "--images", "2", "--shards", "9"], "choose 1 to 2"),
        (["toy_street", "--runner_options", "x=1"], "only to Beam runners: give --ru"),
        (
            ["toy_street", "--runner", "DirectRunner", "--workers", "2"],
            "--workers applies only to --runner local",
        ),
        (["folder", "--root", "nowhere"], "nowhere/description.json"),
    ],
)
def test_what_the_user_has_to_change(tmp_path, capsys, arguments, message):
    assert main(["convert", *arguments, "--output", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
