"""Evidence, proposals and what they must never do."""
