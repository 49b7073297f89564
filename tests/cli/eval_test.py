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
