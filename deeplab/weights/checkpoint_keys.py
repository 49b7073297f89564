"""Looks up variables by the keys under which TensorFlow checkpoints store them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def variables_by_key(items: Mapping[str, Any]) -> dict[str, tf.Variable]:
    """Returns the variables of `tf.train.Checkpoint(**items)` by checkpoint key."""
    root = tf.train.Checkpoint(**items)
    view = tf.train.TrackableView(root)
    # Breadth first, like TensorFlow: the shortest path names a variable.
    found: dict[str, tf.Variable] = {}
    queue: list[tuple[str, Any]] = [("", root)]
    seen = {id(root)}
    while queue:
        following = []
        for path, parent in queue:
            for name, child in view.children(parent).items():
                if id(child) in seen or (not path and name == "save_counter"):
                    continue
                seen.add(id(child))
                child_path = f"{path}{name.replace('.', '..').replace('/', '.S')}"
                if isinstance(child, tf.Variable):
                    found[child_path + SUFFIX] = child
                following.append((child_path + "/", child))
        queue = following
    return found
