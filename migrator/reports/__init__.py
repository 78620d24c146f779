"""Reports for people who will never type a command: one HTML file each, nothing beside it, printable on A4.

survey     the 診断書 of the old system: what is counted, and what follows from it
rehearsal  how a rehearsal went, and what is not as it was in the last one
forecast   how long the real move will take, by what was seen
charts     figures -> shapes; the template draws them as SVG
page       shapes and figures -> HTML, in the reader's language
"""
