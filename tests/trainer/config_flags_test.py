import argparse

from deeplab.trainer.config_flags import add_config_flags, config_of


def test_flags_name_a_config_and_change_it(tmp_path):
    path = tmp_path / "a.textproto"
    path.write_text('experiment_name: "a"')
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_config_flags(parser, help="the experiment")
    words = [f"--config_file={path}", "--set", "seed=7", "--set=experiment_name=b"]
    config = config_of(parser.parse_args(words))
    assert (config.experiment_name, config.seed) == ("b", 7)


def test_a_config_may_be_left_out_where_it_is_not_required():
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_config_flags(parser, help="the experiment", required=False)
    args = parser.parse_args([])
    assert args.config_file is None
    assert args.overrides == []
