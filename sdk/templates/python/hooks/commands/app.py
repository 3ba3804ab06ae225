"""`/roll 2d6` throws dice."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.types import Reply

from althing import Random


class Commands(exports.Commands):
    def run(self, ctx, command):
        count, sides = parse(command.text)
        random = Random(ctx)
        throws = [random.below(sides) + 1 for _ in range(count)]
        return Reply(f"{throws} = {sum(throws)}", blocks="")

    def complete(self, ctx, command):
        return []


def parse(text):
    """`2d6` is two dice with six sides; nothing is one. What an Err says, whoever typed it reads."""
    count, _, sides = (text or "1d6").partition("d")
    if not (count.isdecimal() and sides.isdecimal()):
        raise Err("Say how many dice of how many sides: `2d6`.")
    count, sides = int(count), int(sides)
    if not (1 <= count <= 20 and 2 <= sides <= 1000):
        raise Err("1 to 20 dice with 2 to 1000 sides, please.")
    return count, sides
