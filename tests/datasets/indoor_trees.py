"""Draws small NYU Depth V2 and SUN RGB-D folders: Matlab's files as the sites' are."""

import h5py
import numpy as np
from PIL import Image
from scipy.io import savemat

from tests.datasets.index_trees import quarters
from tests.datasets.trees import photo

# Depth of the quarters, in metres.
DEPTH = quarters(0.5, 2.0, 4.25, 0, np.float32)


def nyuv2_tree(root, ids=None, mapped=(1, 40, 2)):
    """Three images, of which the second is the test split; names 1 to 3 are mapped.

    Returns the pixels of the images, `[3, H, W, 3]`, and the labels of all of them.
    """
    root.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 12, 3)).astype(np.uint8)
    ids = quarters(1, 2, 3, 0) if ids is None else ids
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as f:
        # Matlab stores columns first.
        f["images"] = pixels.transpose(0, 3, 2, 1)
        f["labels"] = np.stack([ids.T] * 3).astype(np.uint16)
        f["depths"] = np.stack([DEPTH.T] * 3)
    savemat(root / "splits.mat", {"trainNdxs": [[3], [1]], "testNdxs": [[2]]})
    savemat(root / "classMapping40.mat", {"mapClass": [list(mapped)]})
    return pixels, quarters(0, 39, 1, 255) * 1000


_SCENES = ("kv1/NYUdata/NYU0001", "kv2/kinect2data/000002-resize")
_DISK = "/n/fs/sun3d/data/SUNRGBD"


def sun_rgbd_tree(root, ids=None, scenes=_SCENES):
    """Two scenes; the first is the test split, the second the training split."""
    toolbox = root / "SUNRGBDtoolbox"
    (toolbox / "Metadata").mkdir(parents=True)
    (toolbox / "traintestSUNRGBD").mkdir()
    ids = quarters(1, 8, 37, 0) if ids is None else ids
    millimetres = np.round(DEPTH * 1000).astype(np.uint16)
    millimetres[7, 11] = 9000
    turned = (millimetres << 3) | (millimetres >> 13)
    entries = np.zeros(
        len(scenes), [(n, object) for n in ("rgbpath", "rgbname", "depthname")]
    )
    for i, scene in enumerate(scenes):
        photo(root / "SUNRGBD" / scene / f"image/{i}.jpg", seed=i)
        path = root / "SUNRGBD" / scene / f"depth_bfx/{i}_abs.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(turned).save(path)
        entries[i] = (f"{_DISK}/{scene}/image/{i}.jpg", f"{i}.jpg", f"{i}_abs.png")
    savemat(toolbox / "Metadata/SUNRGBDMeta.mat", {"SUNRGBDMeta": entries})
    lists = {"alltest": [f"{_DISK}/{scenes[0]}"], "alltrain": [f"{_DISK}/{scenes[1]}"]}
    savemat(
        toolbox / "traintestSUNRGBD/allsplit.mat",
        {name: np.array(paths, object) for name, paths in lists.items()},
    )
    with h5py.File(toolbox / "Metadata/SUNRGBD2Dseg.mat", "w") as f:
        references = []
        for i in range(len(scenes)):
            f[f"#refs#/{i}"] = ids.T.astype(np.uint8)
            references.append([f[f"#refs#/{i}"].ref])
        f["SUNRGBD2Dseg/seglabel"] = np.array(references, h5py.ref_dtype)
    return quarters(0, 7, 36, 255) * 1000
