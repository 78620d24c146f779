"""For the night when the old system is down: find the files that break it, move them aside, put them back.

    scan    look through a store for what stops a mail reader; changes nothing
    busy    who still writes a file, as far as that can be told
    moving  isolate and restore: the only two steps that write to a source

What was moved aside lies in `migrator.aside`'s folder beside the root, and every file adapter reads it there as if it
lay in its old place.
"""
