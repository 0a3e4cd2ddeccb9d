"""A text → its literals and its `${…}`. Called by `references`, which knows what the names mean."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A `${name:-default}` in a text, from `start` to `end`."""

    name: str
    default: str | None
    start: int
    end: int


@dataclass(frozen=True)
class Unclosed:
    """A `${` without its `}` at `start`."""

    start: int


def split(text: str) -> list[str | Reference] | Unclosed:
    """Split a text into literals and references; `$${` is a literal `${`."""
    parts: list[str | Reference] = []
    literal, position = "", 0
    while position < len(text):
        if text.startswith("$${", position):
            literal += "${"
            position += 3
        elif text.startswith("${", position):
            reference = _reference_at(text, position)
            if reference is None:
                return Unclosed(position)
            parts += [literal, reference] if literal else [reference]
            literal, position = "", reference.end
        else:
            following = text.find("$", position + 1)
            end = following if following >= 0 else len(text)
            literal += text[position:end]
            position = end
    return [*parts, literal] if literal or not parts else parts


def _reference_at(text: str, start: int) -> Reference | None:
    """Read the reference that starts here; the first `:-` that is not inside another ends its name."""
    depth, position, mark = 0, start, None
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
            position += 2
        elif text[position] == "}":
            depth -= 1
            position += 1
            if depth == 0:
                end = position - 1
                name = text[start + 2 : end if mark is None else mark]
                default = None if mark is None else text[mark + 2 : end]
                return Reference(name.strip(), default, start, position)
        else:
            if depth == 1 and mark is None and text.startswith(":-", position):
                mark = position
            position += 1
    return None
