import json

import pytest

from deeplab import config as config_lib
from deeplab.config import ConfigError, parse_config, read_config

PARENT = """
experiment_name: "parent"
model_options { backbone { name: "resnet50" output_stride: 16 } }
train_dataset_options { crop_size: 65 crop_size: 129 batch_size: 8 }
"""


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def test_unknown_field_names_line_and_nearest(tmp_path):
    path = write(
        tmp_path,
        "a.textproto",
        "model_options {\n  backbone {\n    nam: 'resnet50'\n  }\n}\n",
    )
    with pytest.raises(ConfigError, match=r"a\.textproto:3:\d+: .*'nam'.*'name'"):
        read_config(path)


def test_wrong_value_names_line():
    with pytest.raises(ConfigError, match=r"config:2:"):
        parse_config("trainer_options {\n steps_per_loop: 'many' }")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        read_config(tmp_path / "nowhere.textproto")


def test_child_wins_and_replaces_repeated(tmp_path):
    write(tmp_path, "parent.textproto", PARENT)
    child = write(
        tmp_path,
        "child.textproto",
        'base_config: "parent.textproto"\nexperiment_name: "child"\n'
        "train_dataset_options { crop_size: 33 crop_size: 65 }",
    )
    config = read_config(child)
    assert config.experiment_name == "child"
    assert config.model_options.backbone.output_stride == 16
    assert list(config.train_dataset_options.crop_size) == [33, 65]
    assert config.train_dataset_options.batch_size == 8
    assert not config.HasField("base_config")


def test_child_switches_architecture(tmp_path):
    write(
        tmp_path, "parent.textproto", "model_options { deeplab_v3 { num_classes: 3 } }"
    )
    child = write(
        tmp_path,
        "child.textproto",
        'base_config: "parent.textproto" model_options { panoptic_deeplab {} }',
    )
    config = read_config(child)
    assert config.model_options.WhichOneof("meta_architecture") == "panoptic_deeplab"


def test_grandparent_is_refused(tmp_path):
    write(tmp_path, "a.textproto", 'base_config: "x.textproto"')
    child = write(tmp_path, "b.textproto", 'base_config: "a.textproto"')
    with pytest.raises(ConfigError, match="no base_config of its own"):
        read_config(child)


def test_overrides(tmp_path):
    path = write(tmp_path, "a.textproto", PARENT)
    config = read_config(
        path,
        [
            "train_dataset_options.crop_size=97,193",
            "model_options.backbone.name=swidernet",
            "trainer_options.solver_options.base_learning_rate=0.5",
            "evaluator_options.add_flipped_images=true",
            'experiment_name=a "quoted" name',
        ],
    )
    assert list(config.train_dataset_options.crop_size) == [97, 193]
    assert config.model_options.backbone.name == "swidernet"
    assert config.trainer_options.solver_options.base_learning_rate == 0.5
    assert config.evaluator_options.add_flipped_images
    assert config.experiment_name == 'a "quoted" name'


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seed", "path.to.field=value"),
        ("seeed=1", "'seed'"),
        ("seed=one", "a whole number"),
        ("model_options.backbone=x", "set one of its fields"),
        ("seed.x=1", "has no fields"),
        ("model_options.backbone.nme=x", "did you mean 'name'"),
    ],
)
def test_bad_overrides(tmp_path, assignment, message):
    path = write(tmp_path, "a.textproto", PARENT)
    with pytest.raises(ConfigError, match=message):
        read_config(path, [assignment])


def test_description_file_is_read_in(tmp_path):
    (tmp_path / "mine.json").write_text(
        json.dumps({"name": "mine", "classes": [{"id": 0, "name": "road"}]})
    )
    path = write(
        tmp_path,
        "a.textproto",
        'train_dataset_options { dataset_description_file: "mine.json" }',
    )
    options = read_config(path).train_dataset_options
    assert options.dataset_description.classes[0].name == "road"
    assert not options.HasField("dataset_description_file")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not JSON"), ('{"klasses": []}', "klasses")]
)
def test_bad_description_file(tmp_path, text, message):
    (tmp_path / "mine.json").write_text(text)
    path = write(
        tmp_path,
        "a.textproto",
        'train_dataset_options { dataset_description_file: "mine.json" }',
    )
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def test_round_trip():
    config = parse_config(PARENT)
    assert parse_config(config_lib.to_text(config)) == config


def test_shipped_config_is_found_in_an_installed_package(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "deeplab"
    (package / "configs").mkdir(parents=True)
    monkeypatch.setattr(config_lib, "__file__", str(package / "config.py"))
    with pytest.raises(ConfigError, match=r"configs/a\.textproto is not part"):
        config_lib.shipped_config("a.textproto")
    (package / "configs" / "a.textproto").touch()
    found = config_lib.shipped_config("a.textproto")
    assert found == package / "configs" / "a.textproto"
