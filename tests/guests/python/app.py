"""The plugin that there is in every language: here in Python."""

import json
import random
import time

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.commands import Choice
from wit_world.exports.message_guard import (
    Patch,
    Verdict_Allow,
    Verdict_Change,
    Verdict_Hold,
    Verdict_Reject,
)
from wit_world.exports.message_kind import Created, Shown
from wit_world.imports import chat_write, config, kv
from wit_world.imports.types import Rejection, Reply, Role, View

from althing import Random


class MessageGuard(exports.MessageGuard):
    def before_send(self, ctx, message):
        print(f"{ctx.actor} sends {message.kind}")
        forbidden = json.loads(config.get())["forbidden"]
        if message.text == "trap":
            raise RuntimeError("as it was told")
        if message.text == "hold on":
            return Verdict_Hold("Somebody should look at this.")
        if forbidden in message.text:
            return Verdict_Reject(Rejection("forbidden", f"No {forbidden} here.", None))
        if "teh" in message.text:
            return Verdict_Change(Patch(message.text.replace("teh", "the"), None))
        return Verdict_Allow()

    def before_edit(self, ctx, message, before):
        return self.before_send(ctx, message)

    def before_delete(self, ctx, message):
        return Verdict_Allow()


class Events(exports.Events):
    def handle(self, ctx, event):
        if ctx.actor_role == Role.PLUGIN:
            return
        scope = kv.Scope_User(ctx.actor)
        entry = kv.get(scope, "said")
        count = (int(entry.value) if entry else 0) + 1
        version = entry.version if entry else None
        kv.swap(scope, "said", version, str(count).encode(), None)
        if count % 3 == 0:
            body = f"{ctx.actor} has said {count} things."
            chat_write.send(ctx.channel, chat_write.Post("text", body, ""))


class Commands(exports.Commands):
    def run(self, ctx, command):
        word, _, rest = command.text.partition(" ")
        match word:
            case "clock":
                now = round(time.time() * 1000)
                if now != ctx.now_ms:
                    raise Err(f"The clock shows {now}, not {ctx.now_ms}.")
                return Reply("The clock shows the time of the call.", "")
            case "random":
                if random.random() == random.random():
                    raise Err("These are not random.")
                return Reply("Random numbers differ.", "")
            case "dice":
                return Reply(dice(ctx, rest), "")
            case "fail":
                raise Err("This always fails.")
            case "trap":
                raise RuntimeError("as it was told")
        raise Err(f"I don't know `{word}`.")

    def complete(self, ctx, command):
        words = ["clock", "random", "dice", "fail"]
        return [Choice(word, f"Probe {word}") for word in words if word.startswith(command.text)]


def dice(ctx, rest):
    count, _, sides = rest.partition("d")
    if not (count.isdecimal() and sides.isdecimal()):
        raise Err("Say how many dice of how many sides.")
    random = Random(ctx)
    throws = [random.below(int(sides)) + 1 for _ in range(int(count))]
    return f"{throws} = {sum(throws)}"


def shown(tally, count):
    return Shown(json.dumps({"count": count}), View(f"{tally['title']}: {count}", ""))


class MessageKind(exports.MessageKind):
    def create(self, ctx, kind, data):
        tally = json.loads(data)
        if not isinstance(tally.get("title"), str):
            raise Err("A tally needs a title.")
        tally = {"title": tally["title"]}
        return Created(json.dumps(tally), shown(tally, 0))

    def act(self, ctx, kind, data, state, action, value):
        if action != "add":
            raise Err("There is no such action.")
        more = json.loads(value)
        if not isinstance(more, int):
            raise Err("Say how many.")
        return shown(json.loads(data), json.loads(state)["count"] + more)
