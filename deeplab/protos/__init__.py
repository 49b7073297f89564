"""Compiled config schemas; generated from `protos/` when the package is built."""
