"""Loading of exported models as predictors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import read_description
from deeplab.core.structures import Prediction
from deeplab.inference.predictor import Predictor, VideoFunctions
from deeplab.inference.signatures import (
    DATASET_FILE,
    INITIAL_STATE,
    SERVE_IMAGES,
    SERVE_VIDEO,
    other_frames,
)


def load(folder: str | os.PathLike[str]) -> Predictor:
    """Loads a model that was written by `deeplab export`.

    Raises:
      ValueError: the folder does not contain such a model.
    """
    path = Path(folder)
    if not (path / "saved_model.pb").is_file():
        state = "is not an exported model" if path.is_dir() else "is not a directory"
        raise ValueError(f"{path} {state}; create one with `deeplab export`")
    if not (path / DATASET_FILE).is_file():
        raise ValueError(
            f"{path} has no {DATASET_FILE}: the model was exported by another program, "
            "or the copy is incomplete; export it again with `deeplab export`"
        )
    info = read_description(path / DATASET_FILE)
    signatures = tf.saved_model.load(str(path)).signatures
    if SERVE_VIDEO in signatures:
        return Predictor(None, info, _served_video(signatures))
    if SERVE_IMAGES not in signatures:
        raise ValueError(
            f"{path} has no signature {SERVE_IMAGES!r}: export it again with "
            "`deeplab export`"
        )
    signature = signatures[SERVE_IMAGES]
    return Predictor(lambda images: Prediction(**signature(images=images)), info)


def _served_video(signatures: Mapping[str, Any]) -> VideoFunctions:
    serve, start = signatures[SERVE_VIDEO], signatures[INITIAL_STATE]
    inputs = serve.structured_input_signature[1]
    other = "previous" if other_frames("previous") in inputs else "next"

    def frame(
        images: tf.Tensor, others: tf.Tensor, state: Mapping[str, tf.Tensor]
    ) -> tuple[Prediction, Mapping[str, tf.Tensor]]:
        outputs = dict(serve(images=images, **{other_frames(other): others}, **state))
        after = {name: outputs.pop(name) for name in state}
        return Prediction(**outputs), after

    return VideoFunctions(lambda images: start(images=images), frame, other)
