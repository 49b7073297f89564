"""Tracking of instances that were segmented frame by frame, in NumPy."""
