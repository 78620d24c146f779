"""The engine: staging remembers, everything else is a function. `migrator/steps` is the map of the road."""

__version__ = "0.1.0"
