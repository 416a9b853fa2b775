"""Frozen dataclasses that cost nothing to define.

The standard ``dataclass`` compiles six methods for every class: 0.5 ms each, 79 ms for the 140 classes that the first
screen loads, where all of Textual takes 110 ms. Here the same methods are plain closures over the fields. Everything
else (``fields``, ``match``, slots, defaults, inheritance) is the standard library's own. ``dataclasses.replace`` works
as well as :func:`replace`, which is there for who makes many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass, replace as replace
else:
    from dataclasses import MISSING, FrozenInstanceError, dataclass as _standard, fields
    from operator import attrgetter

    _set, _new = object.__setattr__, object.__new__

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False, order=False):
        """``dataclasses.dataclass``; what is not frozen is left to it altogether."""

        def make(cls):
            if not frozen:
                return _standard(slots=slots, kw_only=kw_only, order=order)(cls)
            if "__doc__" not in cls.__dict__:
                cls.__doc__ = ""  # or the standard one would work out a signature, for 0.1 ms
            made = _standard(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
            _equip(made, order=order)
            return made

        return make if cls is None else make(cls)

    def _equip(cls, *, order):
        items = fields(cls)
        names = tuple(item.name for item in items)
        values = _getter(names)
        own = {
            "__init__": _initializer(cls.__name__, items),
            "__repr__": lambda self: (
                f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"
            ),
            "__replace__": _replacer(cls.__name__, names, values),
            "__eq__": lambda self, other: (
                values(self) == values(other) if type(self) is type(other) else NotImplemented
            ),
            "__hash__": lambda self: hash(values(self)),
            "__setattr__": _refuse_to_set,
            "__delattr__": _refuse_to_delete,
            # Slots have no __dict__, and what pickle would do instead is to set attributes.
            "__getstate__": lambda self: [getattr(self, name) for name in names],
            "__setstate__": lambda self, state: [_set(self, *pair) for pair in zip(names, state, strict=True)] and None,
        }
        if order:
            own["__lt__"] = lambda self, other: (
                values(self) < values(other) if type(self) is type(other) else NotImplemented
            )
        for name, method in own.items():
            if name not in cls.__dict__ or cls.__dict__[name] is None:
                method.__name__ = name
                method.__qualname__ = f"{cls.__qualname__}.{name}"
                setattr(cls, name, method)

    def _getter(names):
        """All values as a tuple, whatever their number."""
        if len(names) > 1:
            return attrgetter(*names)
        return lambda self: tuple(getattr(self, name) for name in names)

    def _initializer(label, items):
        places = tuple(item.name for item in items if item.init and not item.kw_only)
        given = [item for item in items if item.init]
        plan = tuple((item.name, item.default, item.default_factory) for item in given)
        known = len(plan)

        def __init__(self, *args, **named):  # noqa: N807
            if args:
                if len(args) == known == len(places) and not named:
                    for name, value in zip(places, args, strict=True):
                        _set(self, name, value)
                    return
                if len(args) > len(places):
                    raise TypeError(f"{label} takes {len(places)} positional arguments, not {len(args)}")
                for name, value in zip(places, args, strict=False):
                    if name in named:
                        raise TypeError(f"{label} got {name} twice")
                    named[name] = value
            missing = known - len(named)
            for name, default, factory in plan:
                if name in named:
                    _set(self, name, named[name])
                    continue
                missing -= 1
                if default is not MISSING:
                    _set(self, name, default)
                elif factory is not MISSING:
                    _set(self, name, factory())
                else:
                    raise TypeError(f"{label} needs {name}")
            if missing:
                odd = ", ".join(sorted(set(named) - {name for name, _, _ in plan}))
                raise TypeError(f"{label} knows no {odd}")

        return __init__

    def _replacer(label, names, values):
        def __replace__(self, /, **changes):  # noqa: N807
            made = _new(type(self))
            given = changes.pop
            for name, value in zip(names, values(self)):  # noqa: B905 - both are of one length, and this is the point
                _set(made, name, given(name, value) if changes else value)
            if changes:
                raise TypeError(f"{label} knows no {', '.join(changes)}")
            return made

        return __replace__

    def replace(instance, /, **changes):
        """``dataclasses.replace`` in half its time, for what is frozen here."""
        return instance.__replace__(**changes)

    def _refuse_to_set(self, name, value):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(self, name):
        raise FrozenInstanceError(f"cannot delete field {name!r}")
