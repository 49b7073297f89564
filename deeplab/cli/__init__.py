"""The `deeplab` command."""
