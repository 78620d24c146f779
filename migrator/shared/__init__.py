"""Shared inboxes (メール共有): what follows from what a store says of them.

words      by which a mail at a target tells its state, who has it and its tags; the legend says what they mean
becoming   what becomes of each fact at a target, said before anything is sent
history    what was noted and done, as one readable mail a conversation
"""
