"""What a plugin in Python wants beside its language. What is printed goes to the plugin's log."""

MASK = (1 << 64) - 1


class Random:
    """Random numbers from the seed of a call, good for choices and not for secrets.

    The module `random` may give the same numbers in every call: it began when the component was built.
    """

    def __init__(self, ctx):
        self.state = ctx.seed

    def next(self) -> int:
        """The next 64 random bits (SplitMix64, as in the SDKs of the other languages)."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        bits = self.state
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
        return bits ^ (bits >> 31)

    def below(self, end: int) -> int:
        """A number from 0 up to but not including `end`."""
        return (self.next() * end) >> 64
