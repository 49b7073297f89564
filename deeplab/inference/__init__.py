"""From stored images to predictions, for both evaluation and serving."""
