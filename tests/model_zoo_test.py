"""The table of published checkpoints agrees with configs, sources and pages."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

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


def test_values_are_those_published():
    for row, entry in zip(PUBLISHED, entries().values(), strict=True):
        pairs = list(zip(row["columns"], row["values"], strict=True))
        # Addresses, and in one project the backbone instead of the data set.
        pairs = [p for p in pairs if p[0] not in {"Download", "Backbone"}]
        assert list(entry.published.values()) == [v for _, v in pairs], entry.name
        for column, (old, _) in zip(entry.published, pairs, strict=True):
            where = f"{entry.name}, {column}: {old}"
            is_official = old.replace("\\", "").endswith("[*]")
            assert (", official" in column) == is_official, where
            by_deeplab2 = ("[**]" in old.replace("\\", "")) or "&dagger;" in old
            assert (", DeepLab2" in column) == by_deeplab2, where
            for score in ("PQ", "mIoU", "AP", "STQ", "VPQ", "thing", "stuff"):
                assert (score in column) == (score in old), where
        config = row["links"].get("config", "configs/.textproto")
        assert f"configs/{entry.config}.textproto" == config, entry.name


def test_addresses_are_well_formed():
    for entry in entries().values():
        parts = urlsplit(entry.url)
        assert (parts.scheme, parts.netloc) == ("https", HOST), entry.url
        assert parts.path.endswith(f"/{entry.name}.tar.gz"), entry.url
        assert re.fullmatch(r"[\w.]+", entry.name), entry.name
        assert entry.file == f"{entry.name}.tar.gz", entry.name
        assert not entry.sha256 or re.fullmatch(r"[0-9a-f]{64}", entry.sha256), (
            entry.name
        )


def config_problems(entry):
    """Yields where a config does not say what the table says of its checkpoint."""
    path = shipped_config(f"{entry.config}.textproto")
    config = read_config(path)
    height, width = entry.image_size
    if tuple(config.eval_dataset_options.crop_size) != entry.image_size:
        yield "crop_size"
    if entry.published.get("image size") not in (None, f"{height} x {width}"):
        yield "image size"
    stride = str(config.model_options.backbone.output_stride)
    if entry.published.get("output stride") not in (None, stride):
        yield "output stride"
    if "unlabeled" in entry.title:
        return
    # The header of the config states the same scores.
    header = " ".join(path.read_text().partition("\n\n")[0].replace("\n#", "").split())
    for name, value in entry.published.items():
        is_score = any(s in name for s in ("PQ,", "STQ", "VPQ", "mIoU"))
        if is_score and value != "-" and value not in header:
            yield name


def test_experiments_have_their_configs():
    problems = [
        f"{entry.name}: {problem}"
        for entry in EXPERIMENTS
        for problem in config_problems(entry)
    ]
    assert not problems, "\n".join(problems)


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


def test_tables_of_the_pages_are_up_to_date():
    old = [
        p.stem for p in write_tables.PAGES if write_tables.rewritten(p) != p.read_text()
    ]
    assert not old, f"{old}: run python model_zoo/write_tables.py"


def test_every_project_has_a_table_in_the_model_zoo():
    text = (ROOT / "model_zoo/README.md").read_text()
    assert set(re.findall(r"<!-- zoo: (\w+) -->", text)) == set(projects())
    assert all(f"[`{name}`]" in text for name in entries())
