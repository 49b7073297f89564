import json

import pytest

from deeplab.datasets.named import find_data_set


def test_a_data_set_is_named_or_described(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"classes": [{"id": 0, "name": "road"}]}))
    assert find_data_set("toy_street", None).name == "toy_street"
    assert find_data_set(None, path).name == "mine"
    assert find_data_set("toy_street", path).name == "mine"
    assert find_data_set(None, None) is None


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="toy_street"):
        find_data_set("toy_stret", None)
