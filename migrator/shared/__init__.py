"""Shared inboxes: which mails are one conversation, how far it is, and which customers still wait.

    mails        one mail as it counts here: from whom, to whom, in answer to what
    links        which mails belong together, how sure that is, and why
    conversation what follows for one conversation: its state, who has it, who waits
    standing     a whole inbox; and what differs between two views of it
    reading      mails and facts out of a source, or out of a target
    legend       the words by which a target's mails tell their state

All of it is worked out of facts alone, the same wherever they come from: the old store, staging, or the target.
"""
