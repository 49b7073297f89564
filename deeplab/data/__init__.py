"""From records on disk to batches: reading, augmentation, training targets."""
