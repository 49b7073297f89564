"""Published checkpoints: the table of them, and how they come to this machine.

`checkpoints.json` is the table; nothing here imports TensorFlow.
"""
