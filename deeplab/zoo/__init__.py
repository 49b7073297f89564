"""Published checkpoints: their table, and how they are downloaded.

`checkpoints.json` is the table; nothing here imports TensorFlow.
"""
