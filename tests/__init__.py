"""The rooms again, file for file, each with its laws; `journeys` are whole migrations on real servers."""
