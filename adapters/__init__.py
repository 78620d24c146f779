"""One sub-package per system, never per role: an adapter carries bytes and knows nothing of the engine but its ports."""
