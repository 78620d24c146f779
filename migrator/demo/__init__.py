"""A small legacy groupware, made up and the same every time: what `migrator demo` migrates, and what tests read.

people.py      who works there, who writes to them, and what about
letters.py     one mail as bytes, the way mailers of its time wrote it
groupware.py   the store on disk: the only file that knows its layout (mappings/stores/kyoyu-mail.toml says the same)
shared.py      メール共有: two inboxes, their matters, and what the members made of each
store.py       the story: which mails lie where, and everything that went wrong in twelve years. Begin here
bulk.py        the same without a story: any number of mails, for measurements
"""
