"""Weights from files: what formats hold, and which of it belongs to which variable.

A reader (`readers/`) lists the arrays of a file by key. Name maps (`name_maps/`) say
under which keys others keep a weight of ours, and in which layout. `restore.py` brings
both together, and `report.py` tells what was taken.
"""
