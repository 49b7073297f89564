import zipfile

from deeplab.cli.main import main
from deeplab.trainer import train


def test_a_format_to_save_is_two_options(monkeypatch, capsys):
    given = []
    monkeypatch.setattr(train, "run", lambda args: given.append(args.overrides) or 0)
    words = ["eval", "--config_file=x.textproto", "--set=eval_dataset_options.batch=1"]
    assert main(words) == 0
    assert main([*words, "--save_format=cityscapes_instances"]) == 0
    assert given == [
        ["eval_dataset_options.batch=1"],
        [
            "eval_dataset_options.batch=1",
            "evaluator_options.save_raw_predictions=true",
            "evaluator_options.raw_panoptic_format=cityscapes_instances",
        ],
    ]
    assert main([*words, "--save_format=cityscapes_instance"]) == 2
    assert "did you mean cityscapes_instances" in capsys.readouterr().err
    assert len(given) == 2


def test_the_saved_files_are_packed(monkeypatch, tmp_path, capsys):
    config = tmp_path / "x.textproto"
    config.write_text('experiment_name: "x"')
    place = tmp_path / "model/vis/raw_panoptic"

    def evaluate(args):
        place.mkdir(parents=True)
        (place / "a.png").write_bytes(b"a")
        return 0

    monkeypatch.setattr(train, "run", evaluate)
    words = ["eval", f"--config_file={config}", f"--model_dir={tmp_path / 'model'}"]
    assert main([*words, "--zip"]) == 2
    assert "name a format" in capsys.readouterr().err
    remote = "--set=evaluator_options.override_save_dir=gs://bucket/x"
    assert main([*words, "--zip", "--save_format=ade20k", remote]) == 2
    assert "go to gs://bucket/x" in capsys.readouterr().err
    assert main([*words, "--zip", "--save_format=ade20k"]) == 0
    with zipfile.ZipFile(tmp_path / "model/vis/raw_panoptic.zip") as packed:
        assert packed.namelist() == ["a.png"]
