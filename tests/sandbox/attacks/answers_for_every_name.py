"""Has a module that knows every name, and an entry that only looks like a function.

Held by: judge.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]


def __getattr__(name):
    return True


class Consume:
    __code__ = (lambda consumer, db: None).__code__
    __class__ = type(lambda: None)

    def __call__(self, consumer, db):
        return iter(())


consume = Consume()
