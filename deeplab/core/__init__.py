"""Types and rules that every other part of the package shares."""
