import json
import math

import pytest

from deeplab.trainer.metrics_log import MetricsLog


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


@pytest.fixture
def log(tmp_path):
    log = MetricsLog(tmp_path)
    log.write(10, "train", {"loss": 2.0}, {"steps_per_second": 3.0})
    log.write(10, "eval", {"miou": math.nan}, {})
    log.write(20, "train", {"loss": 1.0}, {})
    return log


def test_every_line_is_json_and_undefined_is_null(log, path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(e["step"], e["split"]) for e in lines] == [
        (10, "train"),
        (10, "eval"),
        (20, "train"),
    ]
    assert lines[0]["values"] == {"loss": 2.0}
    assert lines[1]["values"] == {"miou": None}


def test_rewind_drops_later_steps_only(log):
    log.rewind(10)
    assert [e["step"] for e in log.read()] == [10, 10]
    assert log.has(10, "eval")
    assert not log.has(20, "train")


def test_a_line_cut_off_by_a_kill_is_left_out(log, path):
    with path.open("a") as file:
        file.write('{"step": 30, "spl')
    assert [e["step"] for e in log.read()] == [10, 10, 20]
    log.rewind(30)
    log.write(30, "train", {}, {})
    assert [e["step"] for e in log.read()] == [10, 10, 20, 30]


def test_damage_elsewhere_is_named(log, path):
    text = path.read_text().splitlines()
    path.write_text("\n".join([text[0], "what?", *text[1:], ""]))
    with pytest.raises(ValueError, match=r"metrics.jsonl:2: not JSON"):
        log.read()


def test_without_a_file_there_is_nothing(tmp_path):
    log = MetricsLog(tmp_path)
    log.rewind(5)
    assert log.read() == []
