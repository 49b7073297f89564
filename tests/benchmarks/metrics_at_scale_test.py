import re
import sys

from benchmarks import metrics_at_scale


def test_prints_memory_and_every_metric(monkeypatch, capsys):
    words = ["--images", "20", "--height", "30", "--width", "40", "--instances", "4"]
    monkeypatch.setattr(sys, "argv", ["metrics_at_scale.py", *words])
    metrics_at_scale.main()
    out = capsys.readouterr().out
    for name in metrics_at_scale.NAMES:
        (value,) = re.findall(rf"{name} .* ms .* s .* MB .* (\d+\.\d+)", out)
        assert 0 < float(value) < 100
    assert re.search(r"\d+ MB at most", out)
