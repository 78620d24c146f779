"""The road, step by step; each goes on where it was stopped, and a second run of each does nothing.

    extract   source  -> staging    every artefact: its bytes, a fault, or the rule that says it is no mail
    judge     staging -> staging    what the filter thinks of each mail, with its reasons
    load      staging -> target     what is to go and has not gone yet; settle first, where an answer is missing
    verify    target  -> staging    every difference between what was sent and what lies there
    undo      target  -> staging    what one load put and nobody touched since, taken back; it is to do again
    ledger    both    -> you        found = loaded + … + to do, and the target's own count beside it

`progress` is how a step tells what it is doing; `runner` is how load, verify and undo spread mailboxes over lanes;
`rehearse` is what is asked before a whole rehearsal of them.
"""
