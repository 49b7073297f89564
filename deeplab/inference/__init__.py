"""From images as they are stored to predictions: for evaluation as for serving."""
