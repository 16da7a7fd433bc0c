"""Names for PDDL: each used once, and none that planners take for a word of the language.

PDDL lets a type and a predicate share a name; many planners do not. Here predicates and counters come first, then
types, constants, rules, actions and objects; one whose name is taken already gets another, and the way back is kept.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import State, atom_of
from worldwright.world_model.vocabulary import is_name

# Words that PDDL 3.1 gives a meaning, or some planner's parser does.
_WORDS = """
    action all always always-within and assign at at-most-once axiom condition constants constraints contributor
    control decrease define derived disturbance domain duration durative-action durative-actions effect either end
    event exists fluent forall function functions goal hold-after hold-during imply increase init invariant
    is-violated length maximize metric minimize nil none not number object objects observe oneof or over parameters
    precondition predicate predicates preference probabilistic problem process requirements reward scale-down
    scale-up situation sometime sometime-after sometime-before start strips supertype total-cost total-time type
    types undefined vars when within
"""
WORDS = frozenset(_WORDS.split())


@dataclass(frozen=True)
class PddlNames:
    """What things are called in PDDL, by what they are called here.

    Attributes:
        domain: of the vocabulary.
        predicates: of predicates and counters.
        types: of types.
        objects: of constants and objects.
        rules: of the model's rules, in its order, where a rule is an action in PDDL.
        actions: of the environment's actions, where such a one is an action in PDDL.
        steps: for each PDDL action the environment's action and the number of its arguments.
    """

    domain: str
    predicates: Mapping[str, str]
    types: Mapping[str, str]
    objects: Mapping[str, str]
    rules: Sequence[str]
    actions: Mapping[str, str]
    steps: Mapping[str, tuple[str, int]]

    def action_of(self, step: str, arguments: Sequence[str]) -> Action:
        """The environment's action that a step of a PDDL plan stands for; raises `SyntaxProblem` on unknown names."""
        if step not in self.steps:
            raise SyntaxProblem(f"a plan with an action that is not in the domain: {step!r}")
        name, arity = self.steps[step]
        known = {pddl: own for own, pddl in self.objects.items()}
        missing = [argument for argument in arguments if argument not in known]
        if missing or len(arguments) < arity:
            raise SyntaxProblem(f"a plan's step ({step} ...) with too few objects or an unknown one: {missing[:1]}")
        return Action(name, tuple(known[argument] for argument in arguments[:arity]))

    def parse_step(self, text: str) -> Action:
        """The action that a line of a plan file, `(toggle-unlocks door1 key1)`, stands for."""
        step, arguments = atom_of(parse_one(text.lower()))
        return self.action_of(step, arguments)

    def changed(self) -> list[tuple[str, str, str]]:
        """What is called otherwise in PDDL: (kind of thing, name in PDDL, name here)."""
        tables = (("predicate", self.predicates), ("type", self.types), ("object", self.objects))
        return [(kind, pddl, own) for kind, table in tables for own, pddl in table.items() if own != pddl]


class _Register:
    def __init__(self) -> None:
        self._used = set(WORDS)

    def name(self, wanted: str, kind: str) -> str:
        # What an environment calls its objects may be anything; nothing but letters, digits and hyphens goes out.
        if not is_name(wanted):
            wanted = re.sub("[^a-z0-9]+", "-", wanted[:48].lower()).strip("-")
            wanted = wanted if wanted[:1].isalpha() else f"{kind}-{wanted}".strip("-")
        numbered = (f"{wanted}-{kind}-{number}" for number in itertools.count(2))
        found = next(name for name in itertools.chain((wanted, f"{wanted}-{kind}"), numbered) if name not in self._used)
        self._used.add(found)
        return found

    def table(self, wanted: Iterable[str], kind: str) -> dict[str, str]:
        return {name: self.name(name, kind) for name in wanted}


def names_of(model: WorldModel, state: State | None = None) -> PddlNames:
    """The names in the domain of a model and, given a state, of its objects in a problem of that domain."""
    vocabulary, register = model.vocabulary, _Register()
    domain = register.name(vocabulary.name, "domain")
    predicates = register.table([predicate.name for predicate in vocabulary.predicates], "pred")
    predicates |= register.table([counter.name for counter in vocabulary.counters], "count")
    types = {"object": "object"} | register.table([type_.name for type_ in vocabulary.types], "type")
    objects = register.table(vocabulary.constant_types, "object")
    rules = [register.name(rule.name, "rule") for rule in model.rules]
    actions = register.table([action.name for action in vocabulary.actions], "action")
    if state is not None:
        new = [name for name in state.universe.types if name not in objects]
        objects |= register.table(sorted(new, key=lambda name: not is_name(name)), "object")
    arity = {action.name: len(action.types) for action in vocabulary.actions}
    steps = {pddl: (own, arity[own]) for own, pddl in actions.items()}
    steps |= {pddl: (rule.action, arity[rule.action]) for pddl, rule in zip(rules, model.rules, strict=True)}
    return PddlNames(domain, predicates, types, objects, rules, actions, steps)
