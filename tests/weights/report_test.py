from deeplab.weights.report import RestoreReport


def test_table():
    report = RestoreReport(
        "a.h5",
        restored=["encoder/a", "encoder/b"],
        skipped={"head/kernel": ([1, 1, 4, 3], [1, 1, 4, 7])},
        missing=["head/bias"],
        unused=["old/weight"],
    )
    assert report.table() == (
        "weights from a.h5\n"
        "  part     restored  skipped (shape differs)  missing  unused\n"
        "  encoder         2                        0        0       0\n"
        "  head            0                        1        1       0\n"
        "  old             0                        0        0       1\n"
        "  skipped head/kernel: [1, 1, 4, 3] in the file, [1, 1, 4, 7] in the model\n"
        "  missing head/bias\n"
        "  unused old/weight"
    )
    assert not report.is_whole


def test_long_lists_are_cut():
    missing = [f"head/{i:02}" for i in range(12)]
    lines = RestoreReport("x", missing=missing).table().splitlines()
    assert lines[-3:] == [
        "  missing head/08",
        "  missing head/09",
        "  missing ... and 2 more",
    ]


def test_a_model_is_whole_without_what_it_does_not_ask_for():
    assert RestoreReport("x", restored=["a"], unused=["b"]).is_whole
    assert not RestoreReport("x", restored=["a"], missing=["b"]).is_whole
    assert not RestoreReport("x", skipped={"b": ([1], [2])}).is_whole
