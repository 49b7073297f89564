"""The error of files with weights."""


class WeightsError(ValueError):
    """Weights that cannot be had: says which file, what is wrong, and what to do."""
