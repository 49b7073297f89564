"""Models: what puts backbone, head and post-processing together.

`deeplab.models.deeplab.DeepLab` is the one model class. What varies between
architectures are functions that it is made with: how frames pass through the network
(`models.forward_passes`) and what is remembered of a video (`models.video`).
"""
