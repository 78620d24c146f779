"""Evidence -> proposal, with reasons. What is looked for is data; a proposal withholds nothing, only a decision does.

signals    what marks marketing and what protects mail, read from mappings/filters/*.toml
features   which signals a mail shows: read off it once, and kept
weights    how much each weighs; learning makes them from labelled mail
streams    what one sender or list sends, as a whole
senders    rules by address or list: the shipped map, and the operator's own, which win
judging    guards first, then the score, then what is asked of people
"""
