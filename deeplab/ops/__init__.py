"""Functions on tensors; import them from their modules."""
