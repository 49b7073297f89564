import argparse
import importlib

import pytest

from deeplab.cli import demo, main
from deeplab.config import read_config


@pytest.mark.parametrize("quick", [False, True])
def test_every_command_of_the_demo_parses(quick, tmp_path):
    for command in demo._commands(tmp_path, quick):
        parser = argparse.ArgumentParser(exit_on_error=False)
        importlib.import_module(f"deeplab.cli.{command[0]}").add_arguments(parser)
        args = parser.parse_args(command[1:])
        if command[0] == "train":
            config = read_config(args.config_file, args.overrides)
            patterns = config.train_dataset_options.file_pattern
            assert patterns == [f"{tmp_path}/records/train-*.tfrecord"]
            steps = config.trainer_options.solver_options.training_number_of_steps
            assert (steps == 2) == quick


@pytest.mark.slow
def test_the_whole_demo_twice(tmp_path, capsys):
    for _ in range(2):
        assert main.main(["demo", "--quick", f"--output={tmp_path}/demo"]) == 0
        assert "validation: PQ" in capsys.readouterr().out
        folder = tmp_path / "demo"
        assert (folder / "exported" / "saved_model.pb").is_file()
        assert len(list((folder / "pictures").glob("*.png"))) == 2
        assert len(list((folder / "predictions").glob("*.json"))) == 2
