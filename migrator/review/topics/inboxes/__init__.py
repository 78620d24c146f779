"""The topics of shared inboxes; they are shown where the source has some. `known` is what all of them ask."""
