"""Synthetic street scenes: data sets for trials and tests that need no download."""
