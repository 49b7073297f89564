"""Keras layers; import them from their modules."""
