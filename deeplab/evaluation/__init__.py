"""Measuring predictions that are stored as files, and writing down the results."""
