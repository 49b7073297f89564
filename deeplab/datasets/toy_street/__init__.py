"""Drawn street scenes: data sets that need no download, for trials and tests."""
