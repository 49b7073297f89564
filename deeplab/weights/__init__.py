"""Loads weights from files and matches them to the variables of a model.

A reader (`readers/`) lists the arrays of a file by key. Name maps (`name_maps/`) give
the keys and layouts under which other programs store our weights. `restore.py` combines
the two, and `report.py` summarises what was restored.
"""
