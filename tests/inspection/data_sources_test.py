import pytest

from deeplab.config import parse_config
from deeplab.inspection.data_sources import sources_of_config

SECTION = 'dataset: "toy_street" file_pattern: "{}"'


def config(train="", evaluation=""):
    return parse_config(
        f"train_dataset_options {{ {train} }} eval_dataset_options {{ {evaluation} }}"
    )


def test_both_data_sets_are_found():
    found = sources_of_config(config(SECTION.format("a"), SECTION.format("b")), "x")
    assert [(s.title, s.patterns, s.info.name) for s in found] == [
        ("train_dataset_options", ["a"], "toy_street"),
        ("eval_dataset_options", ["b"], "toy_street"),
    ]


def test_the_same_data_are_found_once():
    found = sources_of_config(config(SECTION.format("a"), SECTION.format("a")), "x")
    assert [source.title for source in found] == ["train_dataset_options"]


def test_a_config_without_data_is_refused():
    with pytest.raises(ValueError, match=r"mine\.textproto: no file_pattern is set"):
        sources_of_config(config(), "mine.textproto")
