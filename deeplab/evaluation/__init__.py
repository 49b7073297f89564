"""Evaluates stored predictions, and writes the results to files."""
