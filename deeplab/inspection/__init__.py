"""Inspects the data and the machine before training: pages, statistics, checks."""
