"""The exception for weight files."""


class WeightsError(ValueError):
    """Weights that cannot be loaded. The message names the file, problem and remedy."""
