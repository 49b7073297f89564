"""The table of published checkpoints agrees with configs, sources and pages."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deeplab.config import read_config, shipped_config
from deeplab.zoo.table import entries, projects
from model_zoo import write_tables

ROOT = Path(__file__).parents[1]
PUBLISHED = json.loads(
    (ROOT / "tests/parity/records/published_checkpoints.json").read_text()
)
HOST = "storage.googleapis.com"
EXPERIMENTS = [entry for entry in entries().values() if entry.config]


def address(row):
    links = row["links"]
    return links.get("ckpt") or links["initial_checkpoint"]


def test_every_published_checkpoint_is_in_the_table_once():
    assert len(entries()) == len(PUBLISHED) == 91
    assert [e.url for e in entries().values()] == [address(row) for row in PUBLISHED]


@pytest.mark.parametrize(
    ("row", "entry"),
    list(zip(PUBLISHED, entries().values(), strict=True)),
    ids=list(entries()),
)
def test_values_are_those_published(row, entry):
    pairs = list(zip(row["columns"], row["values"], strict=True))
    # Addresses, and in one project the backbone instead of the data set.
    left_out = {"Download", "Backbone"}
    assert list(entry.published.values()) == [v for c, v in pairs if c not in left_out]
    for column, (old, _) in zip(
        entry.published, [p for p in pairs if p[0] not in left_out], strict=True
    ):
        assert (", official" in column) == old.replace("\\", "").endswith("[*]"), old
        by_deeplab2 = ("[**]" in old.replace("\\", "")) or "&dagger;" in old
        assert (", DeepLab2" in column) == by_deeplab2, old
        for score in ("PQ", "mIoU", "AP", "STQ", "VPQ", "thing", "stuff"):
            assert (score in column) == (score in old), old
    assert f"configs/{entry.config}.textproto" == row["links"].get(
        "config", "configs/.textproto"
    )


@pytest.mark.parametrize("entry", entries().values(), ids=list(entries()))
def test_address_is_well_formed(entry):
    parts = urlsplit(entry.url)
    assert (parts.scheme, parts.netloc) == ("https", HOST)
    assert parts.path.endswith(f"/{entry.name}.tar.gz")
    assert re.fullmatch(r"[\w.]+", entry.name)
    assert entry.file == f"{entry.name}.tar.gz"
    assert not entry.sha256 or re.fullmatch(r"[0-9a-f]{64}", entry.sha256)


@pytest.mark.parametrize("entry", EXPERIMENTS, ids=lambda e: e.name)
def test_experiment_has_its_config(entry):
    config = read_config(shipped_config(f"{entry.config}.textproto"))
    assert tuple(config.eval_dataset_options.crop_size) == entry.image_size
    published = entry.published.get("image size")
    assert published in (None, f"{entry.image_size[0]} x {entry.image_size[1]}")
    stride = entry.published.get("output stride")
    assert stride in (None, str(config.model_options.backbone.output_stride))
    # The header of the config states the same scores.
    text = shipped_config(f"{entry.config}.textproto").read_text()
    header = " ".join(text.partition("\n\n")[0].replace("\n#", "").split())
    if "unlabeled" not in entry.title:
        for name, value in entry.published.items():
            if any(s in name for s in ("PQ,", "STQ", "VPQ", "mIoU")) and value != "-":
                assert value in header, name


def test_every_experiment_with_a_published_score_is_in_the_table():
    scored = {
        str(path.relative_to(ROOT / "configs").with_suffix(""))
        for path in (ROOT / "configs").rglob("*.textproto")
        if re.search(r"^# Score: (PQ|STQ|VPQ)", path.read_text(), re.MULTILINE)
        and "toy" not in str(path)
    }
    listed = {entry.config for entry in EXPERIMENTS}
    # ResNet-50 was published under the name of its other post-processing.
    assert scored - listed == {"cityscapes/panoptic_deeplab/resnet50_os32"}


@pytest.mark.parametrize("page", write_tables.PAGES, ids=lambda p: p.stem)
def test_tables_of_the_pages_are_up_to_date(page):
    assert write_tables.rewritten(page) == page.read_text(), (
        "run python model_zoo/write_tables.py"
    )


def test_every_project_has_a_table_in_the_model_zoo():
    text = (ROOT / "model_zoo/README.md").read_text()
    assert set(re.findall(r"<!-- zoo: (\w+) -->", text)) == set(projects())
    assert all(f"[`{name}`]" in text for name in entries())
