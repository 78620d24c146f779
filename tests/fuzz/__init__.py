"""Hostile bytes, in ever new forms: `python -m tests.fuzz [--minutes N] [mail|japanese|rows|containers]…`

targets    what is fuzzed, and the laws that must hold for any bytes
forms      each kind of rows, container and value that a mapping can name
seeds      whole files of every kind, to begin from
hunt       Hypothesis, which knows what mail looks like
guided     atheris, which sees which lines of ours its bytes reach
findings/  what was found once, by target; every `make test` tries it again
"""
