"""What typer says of a command line that it cannot read, in the reader's language: it speaks English alone."""

import re

from migrator.locale import _, filled, spoken


def told(message: str) -> str:
    """The message in the language spoken; as it came where it is none that we know."""
    if spoken() == "en":
        return message
    for pattern, text in (
        (r"Missing (?:argument|option|parameter) '(?P<name>.*?)'", _("{name} is missing")),
        (r"Missing command", _("the command is missing")),
        (r"No such command '(?P<name>.*?)'\.?(?: Did you mean (?P<near>.*)\?)?", _("there is no command {name}")),
        (r"No such option: (?P<name>\S+)(?: \(Possible options: (?P<near>.*)\))?", _("there is no option {name}")),
        (r"Got unexpected extra arguments?(?:\(s\))? \((?P<name>.*)\)", _("{name} is too much")),
        (r"Option '(?P<name>.*?)' requires an argument", _("{name} needs a value")),
        (r"Invalid value for '?(?P<name>[^':]*)'?: .*", _("the value of {name} is none that it can have")),
    ):
        if found := re.fullmatch(pattern + r"\.?", message, re.DOTALL):
            words = found.groupdict()
            near = filled(_(" (do you mean {near}?)"), words) if words.get("near") else ""
            return filled(text, words) + near
    return message
