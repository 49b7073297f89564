import re
import sys

from benchmarks import evaluation


def test_prints_the_share_of_the_metrics(monkeypatch, capsys):
    words = ["--images", "2", "--height", "65", "--width", "97", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["evaluation.py", *words])
    evaluation.main()
    out = capsys.readouterr().out
    for name in ("without metrics", "with metrics"):
        assert re.search(rf"^{name} +\d+\.\d ms per image", out, re.MULTILINE)
    for name in ("panoptic_quality", "mean_iou", "instance_ap"):
        assert re.search(rf"^{name} +\d+\.\d ms update", out, re.MULTILINE)
    (share,) = re.findall(r"share of the metrics: (\d+\.\d) %", out)
    assert 0 < float(share) < 100
