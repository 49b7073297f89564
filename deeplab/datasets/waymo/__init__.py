"""The Waymo Open Dataset: panoptic labels of its videos, and depth from its lidars."""
