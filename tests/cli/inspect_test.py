import argparse

import pytest

from deeplab.cli import inspect
from deeplab.cli.main import main
from deeplab.config import parse_config

CONFIG = """
model_options {
  backbone { name: "mobilenet_v3_small" output_stride: 32 }
  decoder {
    feature_key: "res5" decoder_channels: 8 aspp_channels: 8 atrous_rates: [1, 2, 3]
  }
  deeplab_v3 { num_classes: 3 }
}
train_dataset_options { crop_size: [33, 65] }
"""


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "small.textproto"
    path.write_text(CONFIG)
    return str(path)


def test_config_is_printed_so_that_it_parses_back(config_file, capsys):
    words = ["inspect", "--config_file", config_file, "--config_only"]
    assert main([*words, "--set", "seed=7"]) == 0
    printed = parse_config(capsys.readouterr().out)
    assert printed.seed == 7
    assert printed.model_options.deeplab_v3.num_classes == 3


def test_table_ends_with_sums():
    lines = inspect._table({"encoder": (1000, 20), "head": (234, 3)}).splitlines()
    assert lines[1].split() == ["encoder", "1,000", "20"]
    assert lines[-1].split() == ["total", "1,234", "23"]


def test_model_and_cost(config_file, capsys):
    assert main(["inspect", "--config_file", config_file]) == 0
    out = capsys.readouterr().out
    assert "encoder" in out
    assert "semantic_last_layer" in out
    assert "G multiply-adds for one image of 33 x 65" in out


def test_size_has_to_come_from_somewhere(tmp_path, capsys):
    path = tmp_path / "no_crop.textproto"
    path.write_text("model_options { deeplab_v3 { num_classes: 3 } }")
    assert main(["inspect", "--config_file", str(path)]) == 2
    assert "give --size" in capsys.readouterr().err


def test_evaluation_crop_wins():
    config = parse_config(
        "train_dataset_options { crop_size: [33, 65] }"
        "eval_dataset_options { crop_size: [65, 129] }"
    )
    assert inspect._crop_size(config) == (65, 129)


def test_missing_file_is_one_line(capsys):
    assert main(["inspect", "--config_file", "nowhere.textproto"]) == 2
    err = capsys.readouterr().err
    assert "nowhere.textproto" in err
    assert err.count("\n") == 1


def test_arguments():
    parser = argparse.ArgumentParser()
    inspect.add_arguments(parser)
    args = parser.parse_args(["--config_file", "a", "--size", "65", "129"])
    assert args.size == [65, 129]
