"""Data only: stores/*.toml describe legacy stores, filters/*.toml hold the shipped rules. Nothing in here is code."""
