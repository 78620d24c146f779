"""The one memory of a migration: tables and blobs below, and one module for each reader above them (see store)."""
