import numpy as np
from PIL import Image

from deeplab.datasets.toy_street.images import ToyStreet
from deeplab.inspection.raw_images import write_images, write_panels
from deeplab.predictions.segment_png import write_segment_ids


def test_panels_show_images_truth_and_predictions(tmp_path):
    data = ToyStreet(images=3, height=33, width=65)
    scenes = data.read(tmp_path, "val")[:2]
    write_images(scenes, tmp_path / "images")
    written = sorted((tmp_path / "images").iterdir())
    assert [path.name for path in written] == [f"{s.name}.jpg" for s in scenes]
    assert written[0].read_bytes() == scenes[0].load().image
    panels = {}
    for kind, factor in (("right", 1), ("void", 0)):
        for scene in scenes:
            void = data.info.ignore_label * data.info.label_divisor
            label = np.where(factor, scene.load().label, void)
            write_segment_ids(tmp_path / kind / f"{scene.name}_panoptic.png", label)
        write_panels(
            scenes,
            data.info,
            image_folder=tmp_path / "images",
            predictions=tmp_path / kind,
            output=tmp_path / f"{kind}_panels",
        )
        first = tmp_path / f"{kind}_panels" / f"{scenes[0].name}.png"
        panels[kind] = np.asarray(Image.open(first))
    # Three pictures side by side: the last one alone differs, that of the prediction.
    width = panels["void"].shape[1]
    rows = min(panel.shape[0] for panel in panels.values()) // 2
    same = (panels["right"][:rows] == panels["void"][:rows]).all(axis=(0, 2))
    assert same[: width // 2].all()
    assert not same[3 * width // 4 :].all()
