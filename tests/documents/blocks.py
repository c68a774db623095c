"""The fenced blocks of a document that hold commands, and each as a script.

sh, bash      commands, as a reader pastes them. A line that ends with "# first terminal" goes to a terminal of its own, where Ctrl-C has
              ended what was there; the next line runs when the agent in it answers.
sql           statements for psql.
toml          a configuration, or sections of one, that `hookspool check-config` has to take; files that it names need not be there.
no language   if it begins with "$ ": a transcript. Its commands are run, and what they print is compared with it.
"""
import re
from dataclasses import dataclass, field
from pathlib import Path

TERMINAL = re.compile(r"^(?P<line>\S.*?)\s+# first terminal\b.*$")
PROMPT = "$ "


@dataclass
class Block:
    document: str
    heading: str  # of its section, as in a link to it
    line: int  # of its first line, from 1
    language: str
    lines: list = field(default_factory=list)

    @property
    def place(self):
        return f"{self.document}:{self.line}"

    @property
    def first_line(self):
        return self.lines[0].strip() if self.lines else ""

    @property
    def is_commands(self):
        return self.language in ("sh", "bash", "sql", "toml") or (self.language == "" and self.first_line.startswith(PROMPT))


def blocks_of(tree, document):
    """Those with commands, in their order."""
    blocks, block, heading = [], None, ""
    for number, line in enumerate((Path(tree) / document).read_text().splitlines(), start=1):
        if block is not None:
            if line.strip() == "```":
                blocks.append(block)
                block = None
            else:
                block.lines.append(line)
        elif line.startswith("```"):
            block = Block(document, heading, number + 1, line[3:].strip())
        elif line.startswith("#"):
            heading = re.sub(r"[^a-z0-9_-]", "", line.lstrip("# ").lower().replace(" ", "-"))
    if block is not None:
        raise ValueError(f"{block.place}: this block has no end")
    return [block for block in blocks if block.is_commands]


def as_script(block):
    if block.language == "sql":
        return "sql <<'END_OF_SQL'\n" + "\n".join(block.lines) + "\nEND_OF_SQL"
    if block.language == "toml":
        return "config_holds <<'END_OF_TOML'\n" + "\n".join(block.lines) + "\nEND_OF_TOML"
    if block.language == "":
        return transcript(block.lines)
    script = []
    for line in block.lines:
        terminal = TERMINAL.match(line)
        script.append(f"first_terminal {quoted(terminal['line'])}" if terminal else line)
    return "\n".join(script)


def transcript(lines):
    commands, printed, goes_on = [], [], False
    for line in lines:
        if line.startswith(PROMPT) or goes_on:
            commands.append(line.removeprefix(PROMPT))
            goes_on = line.endswith("\\")
        else:
            printed.append(line)
    return ("{\n" + "\n".join(commands) + "\n} >/run/printed 2>&1 || true\n"
            "diff --label printed --label 'the document' -u /run/printed - <<'END_OF_TRANSCRIPT'\n" +
            "\n".join(printed) + "\nEND_OF_TRANSCRIPT")


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"
