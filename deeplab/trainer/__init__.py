"""Training and evaluation programs."""
