"""One sub-package per system, never per role: an adapter carries bytes and knows only the ports of the engine."""
