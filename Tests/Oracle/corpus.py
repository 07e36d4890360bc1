"""Command lines in the notation of Tests/DockerCommandLineTests/corpus.txt, and of commands.txt beside this file.

A line's words are divided as by a shell that knows only '...' and $'...' with \\xNN and \\n; words NAME=VALUE in front are its
environment. Indented lines and comments are passed over; "[NAME]" begins a section.
"""

import re

ASSIGNMENT = re.compile(rb"([A-Z_][A-Z0-9_]*)=(.*)", re.DOTALL)


class Line:
    def __init__(self, text, section):
        self.text, self.section = text, section
        self.words, self.variables = words(text.encode("utf-8", "surrogateescape")), {}
        while self.words and (match := ASSIGNMENT.fullmatch(self.words[0])):
            self.variables[match.group(1)] = match.group(2)
            del self.words[0]
        # Docker 20.10 does these with its own builder.
        self.is_plain_build = b"build" in self.words and b"buildx" not in self.words


def words(text):
    result, word, at = [], None, 0
    while at < len(text):
        byte = text[at:at + 1]
        if byte == b" ":
            if word is not None:
                result.append(word)
            word = None
        elif byte == b"'":
            end = text.index(b"'", at + 1)
            word, at = (word or b"") + text[at + 1:end], end
        elif text[at:at + 2] == b"$'":
            end = text.index(b"'", at + 2)
            word = (word or b"") + re.sub(rb"\\(n|x..)", unescaped, text[at + 2:end])
            at = end
        else:
            word = (word or b"") + byte
        at += 1
    return result if word is None else result + [word]


def unescaped(match):
    return b"\n" if match.group(1) == b"n" else bytes([int(match.group(1)[1:], 16)])


def shown(line):
    return b" ".join(line)


def read_corpus(path, section):
    lines = []
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for row in file:
            row = row.rstrip("\n")
            if not row or row.startswith((" ", "#")):
                continue
            if row.startswith("["):
                section = row.strip("[]")
            else:
                lines.append(Line(row, section))
    return lines
