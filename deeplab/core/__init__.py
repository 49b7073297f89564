"""Types and rules shared by the rest of the package."""
