"""Multi-camera records: several cameras at one time; `tfexample` defines the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from deeplab.data.tfexample import CAMERA_IMAGE, PER_CAMERA, features_of


def join_cameras(records: Mapping[str, bytes]) -> bytes:
    """Merges the records of several cameras into one multi-camera record.

    Args:
      records: camera name -> its record, from `encode_example`.

    Raises:
      ValueError: the records differ in a field that the cameras share, such as the
        image format or the frame.
    """
    features: dict[str, tf.train.Feature] = {}
    for camera, serialized in records.items():
        for key, value in features_of(serialized).items():
            if key in PER_CAMERA:
                features[PER_CAMERA[key] + camera] = value
            elif features.setdefault(key, value) != value:
                raise ValueError(
                    f"{key} of camera {camera!r} differs from that of camera "
                    f"{next(iter(records))!r}; the cameras of a record must share it"
                )
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def stored_cameras(serialized: bytes, known: Sequence[str]) -> tuple[str, ...]:
    """Returns the known cameras whose images are in a record.

    Raises:
      ValueError: `serialized` is not a record.
    """
    features = features_of(serialized)
    return tuple(camera for camera in known if CAMERA_IMAGE + camera in features)
