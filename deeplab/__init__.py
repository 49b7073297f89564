"""Dense prediction in TensorFlow: semantic, panoptic, video and depth-aware.

```
import deeplab
model = deeplab.build_model(deeplab.read_config("experiment.textproto"))
predictor = deeplab.load("exported/")  # Or the name of a published model.
prediction = predictor(image)
```

Importing the package does not import TensorFlow; the names below are imported on first
use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from deeplab.config import parse_config, read_config
    from deeplab.core.structures import Prediction
    from deeplab.factory import build_model
    from deeplab.inference.predictor import Predictor
    from deeplab.loading import load
    from deeplab.weights.restore import load_weights

_PUBLIC = {
    "parse_config": "deeplab.config",
    "read_config": "deeplab.config",
    "build_model": "deeplab.factory",
    "load": "deeplab.loading",
    "load_weights": "deeplab.weights.restore",
    "Predictor": "deeplab.inference.predictor",
    "Prediction": "deeplab.core.structures",
}

__all__ = [
    "Prediction",
    "Predictor",
    "__version__",
    "build_model",
    "load",
    "load_weights",
    "parse_config",
    "read_config",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'deeplab' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
