"""Keras models that put backbone, head and post-processing together."""
