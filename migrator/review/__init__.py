"""The review page: people see what is proposed, decide, and sign. Served by this process, mostly on loopback.

topic      what a topic is: its rows, its words, where its decisions are kept
topics     one module a topic; a new one is a value in its tuple
sheets     a topic's rows with the decisions laid over them; what is shown of them, and what they come to
signing    the digest of a topic, and whether what was signed still stands
door       who comes in: the one-time link, secrets, sessions, and what each may see
guard      what every request must show, and what every answer carries
desk       the migration that is under review
pages      templates and files, in the reader's language
app        addresses to pages; `acts` are the pages that change something
serve      the address to listen on, and the server
"""
