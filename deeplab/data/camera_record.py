"""Multi-camera records: several cameras at one moment; `tfexample` has their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from deeplab.data.tfexample import CAMERA_IMAGE, PER_CAMERA, features_of


def join_cameras(records: Mapping[str, bytes]) -> bytes:
    """Returns one multi-camera record.

    Args:
      records: camera -> what `encode_example` made of its image.

    Raises:
      ValueError: the images differ in what they share, such as format or frame.
    """
    features: dict[str, tf.train.Feature] = {}
    for camera, serialized in records.items():
        for key, value in features_of(serialized).items():
            if key in PER_CAMERA:
                features[PER_CAMERA[key] + camera] = value
            elif features.setdefault(key, value) != value:
                raise ValueError(
                    f"{key} of camera {camera!r} is not that of {next(iter(records))!r}"
                    "; the cameras of a record share it"
                )
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def stored_cameras(serialized: bytes, known: Sequence[str]) -> tuple[str, ...]:
    """Returns those of the known cameras whose images are in a record.

    Raises:
      ValueError: it is no record.
    """
    features = features_of(serialized)
    return tuple(camera for camera in known if CAMERA_IMAGE + camera in features)
