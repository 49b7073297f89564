"""Tracking of instances that were segmented frame by frame; NumPy, no model."""
