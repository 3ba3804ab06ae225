"""Refuses messages that are all capitals."""

from wit_world import exports
from wit_world.exports.message_guard import Verdict_Allow, Verdict_Reject
from wit_world.imports.types import Rejection


class MessageGuard(exports.MessageGuard):
    def before_send(self, ctx, message):
        if is_shouted(message.text):
            return Verdict_Reject(Rejection("shouting", "Please don't shout.", None))
        return Verdict_Allow()

    def before_edit(self, ctx, message, before):
        # Else an edit would get around it.
        return self.before_send(ctx, message)

    def before_delete(self, ctx, message):
        return Verdict_Allow()


def is_shouted(text):
    """A word of one or two letters may be an abbreviation."""
    letters = [letter for letter in text if letter.isalpha()]
    return len(letters) > 2 and all(letter.isupper() for letter in letters)
