"""JSON schemas of answers, made from a world's vocabulary: what fits the schema speaks of nothing unknown.

They keep to what both OpenAI's strict mode and llama.cpp's grammars can do: objects of which every property is required
and no other allowed, enumerations, arrays of bounded length, `anyOf` and `$ref`; no recursion and no patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from worldwright.world_model.edges import RELATIONS
from worldwright.world_model.errors import Inexpressible
from worldwright.world_model.goal import AnyOf, Goal, Reach, Then, Upon
from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    CounterChange,
    CounterOp,
    Effect,
    Exists,
    LiftedAtom,
    Literal,
    Relation,
)
from worldwright.world_model.proposing.words import Words
from worldwright.world_model.vocabulary import ENDED, GOAL_HOLDS, ROOT_TYPE, WON, Predicate

Schema = dict[str, Any]
Data = dict[str, Any]

MAX_RULES = 8  # of an answer
MAX_PARAMETERS = 12
MAX_CONDITIONS = 16
MAX_INNER = 4  # conditions inside an exists, and its variables
MAX_EFFECTS = 8
MAX_OUTCOMES = 4
MAX_PARTS = 6  # of a goal
MAX_EDGES = 24

MAX_PLACES = 3  # where a thing usually is
MAX_FACTS = 8  # that a sentence says

ORDERS = ("all", "any", "then")
OWN = frozenset({GOAL_HOLDS, WON, ENDED})  # facts for nobody but the agent and the world to say
CLEAR, UNCLEAR, IMPOSSIBLE = "clear", "unclear", "impossible"


def rules_schema(words: Words, actions: Sequence[str], most: int = MAX_RULES) -> Schema:
    """What fits are up to `most` rules of these actions."""
    rules = {"type": "array", "items": _any_of([_rule(words, a) for a in actions]), "minItems": 0, "maxItems": most}
    return {**_object({"rules": rules}), "$defs": _definitions(words)}


def goal_schema(words: Words) -> Schema:
    """What fits is a goal: formulas over known words and how they hang together, and whether the wish is clear."""
    conditions = {"type": "array", "items": _ref("condition"), "minItems": 1, "maxItems": MAX_CONDITIONS}
    parts = {"type": "array", "items": _object({"conditions": conditions}), "minItems": 0, "maxItems": MAX_PARTS}
    goal = {"status": _enum((CLEAR, UNCLEAR, IMPOSSIBLE)), "order": _enum(ORDERS), "parts": parts}
    return {**_object(goal), "$defs": _definitions(words, effects=False)}


def edges_schema(words: Words) -> Schema:
    """What fits are statements of what requires, produces or usually lies in what."""
    edge = _object(
        {"subject": _enum(edge_subjects(words)), "relation": _enum(RELATIONS), "object": _enum(edge_objects(words))}
    )
    return _object({"edges": {"type": "array", "items": edge, "minItems": 0, "maxItems": MAX_EDGES}})


def places_schema(kinds: Sequence[str], sorts: Sequence[str]) -> Schema:
    """What fits are for each kind of thing a few sorts of places."""
    some = {"type": "array", "items": _enum(sorts), "minItems": 0, "maxItems": MAX_PLACES}
    return _object(dict.fromkeys(kinds, some))


def facts_schema(words: Words, things: Mapping[str, str]) -> Schema:
    """What fits are facts about these things (their types by name), and about the agent and them."""
    predicates = [(p.name, [fitting_terms(words, things, type_) for type_ in p.types]) for p in tellable(words)]
    literals = [
        _object(
            {
                "predicate": _enum((name,)),
                "args": _tuple(list(dict.fromkeys(term for some in terms for term in some)), len(terms)),
                "holds": {"type": "boolean"},
            }
        )
        for name, terms in predicates
        if all(terms)
    ]
    facts = {"type": "array", "items": _any_of(literals), "minItems": 0, "maxItems": MAX_FACTS}
    return _object({"facts": facts})


def tellable(words: Words) -> list[Predicate]:
    """The predicates of which a sentence may tell facts: those that say what a thing is are for its name to tell."""
    vocabulary = words.vocabulary
    some = (p for p in vocabulary.predicates if not p.static and p.name not in OWN)
    return [p for p in some if not vocabulary.nominal & set(p.types)]


def fitting_terms(words: Words, things: Mapping[str, str], type_: str) -> list[str]:
    """Which of some things and of the constants are of a type."""
    known = {**things, **words.vocabulary.constant_types}
    return [name for name, its in known.items() if words.vocabulary.is_a(its, type_)]


def action_schema(options: Mapping[str, Sequence[Sequence[str]]]) -> Schema:
    """What fits is an action with arguments; for each the names that may stand in its places are given."""
    return _any_of([_action(name, places) for name, places in options.items()])


def _action(name: str, places: Sequence[Sequence[str]]) -> Schema:
    names = list(dict.fromkeys(term for place in places for term in place))
    return _object({"action": _enum((name,)), "args": _tuple(names, len(places))})


def edge_subjects(words: Words) -> list[str]:
    """What can require, produce or be found: actions and constants."""
    return list(dict.fromkeys([*(a.name for a in words.vocabulary.actions), *edge_objects(words)]))


def edge_objects(words: Words) -> list[str]:
    """What can be required, produced or hold something: constants."""
    return [constant.name for constant in words.vocabulary.constants]


def _rule(words: Words, action: str) -> Schema:
    types = words.vocabulary.action(action).types
    variables = [v.name for type_ in dict.fromkeys(types) for v in words.by_type[type_]]
    when = {"type": "array", "items": _ref("condition"), "minItems": 0, "maxItems": MAX_CONDITIONS}
    effects = {"type": "array", "items": _ref("effect"), "minItems": 0, "maxItems": MAX_EFFECTS}
    outcome = _object({"probability": {"type": "number", "minimum": 0, "maximum": 1}, "effects": effects})
    outcomes = {"type": "array", "items": outcome, "minItems": 1, "maxItems": MAX_OUTCOMES}
    return _object(
        {"action": _enum((action,)), "args": _tuple(variables, len(types)), "when": when} | {"outcomes": outcomes}
    )


def _definitions(words: Words, effects: bool = True) -> Schema:
    vocabulary = words.vocabulary
    known = [p for p in vocabulary.predicates if effects or p.name not in OWN]
    literals = _literals(words, [(p.name, p.types) for p in known])
    equal = _literals(words, [(EQUALS, (ROOT_TYPE, ROOT_TYPE))])
    compared = [
        _counted(words, c.name, c.types, "relation", list(Relation), (c.low - 1, c.high + 1))
        for c in vocabulary.counters
    ]
    inner = {"type": "array", "items": _ref("simple"), "minItems": 1, "maxItems": MAX_INNER}
    some = {"type": "array", "items": _enum(list(words.variables)), "minItems": 1, "maxItems": MAX_INNER}
    exists = _object({"exists": {"type": "boolean"}, "some": some, "where": inner})
    found = {"simple": _any_of([*literals, *equal, *compared]), "condition": _any_of([_ref("simple"), exists])}
    if effects:
        changing = _literals(words, [(p.name, p.types) for p in vocabulary.predicates if not p.static])
        counted = [
            _counted(words, c.name, c.types, "change", list(CounterOp), (0, c.high - min(c.low, 0)))
            for c in vocabulary.counters
        ]
        found["effect"] = _any_of([*changing, *counted])
    return found


def _literals(words: Words, predicates: Iterable[tuple[str, tuple[str, ...]]]) -> list[Schema]:
    """One alternative for all predicates of the same types."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, types in predicates:
        groups.setdefault(types, []).append(name)
    return [
        _object(
            {"predicate": _enum(names), "args": _tuple(words.terms(types), len(types)), "holds": {"type": "boolean"}}
        )
        for types, names in groups.items()
    ]


def _counted(
    words: Words, name: str, types: tuple[str, ...], how: str, ways: Sequence[str], bounds: tuple[int, int]
) -> Schema:
    number = {"type": "integer", "minimum": bounds[0], "maximum": bounds[1]}
    args = _tuple(words.terms(types), len(types))
    return _object({"counter": _enum((name,)), "args": args, how: _enum([str(way) for way in ways]), "number": number})


def _tuple(terms: Sequence[str], length: int) -> Schema:
    items = _enum(terms) if length and terms else {"type": "string"}
    return {"type": "array", "items": items, "minItems": length, "maxItems": length}


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _enum(names: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(names)}


def _any_of(schemas: Sequence[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


# -- rules as data ------------------------------------------------------------------------------------------------


def rule_data(words: Words, rule: ActionRule) -> Data:
    """A rule as an answer would give it, without its name and evidence; raises `Inexpressible`."""
    rule = words.normal(rule)
    arity = len(words.vocabulary.action(rule.action).types)
    return {
        "action": rule.action,
        "args": [variable.name for variable in rule.parameters[:arity]],
        "when": [condition_data(condition) for condition in rule.preconditions],
        "outcomes": [
            {"probability": outcome.probability, "effects": [_effect_data(effect) for effect in outcome.effects]}
            for outcome in rule.outcomes
        ],
    }


def goal_data(words: Words, goal: Goal) -> Data:
    """A clear goal as an answer would give it; raises `Inexpressible`."""
    parts = (goal,) if isinstance(goal, Reach) else goal.parts
    order = {AnyOf: "any", Then: "then", Upon: "then"}.get(type(goal), "all")
    if any(not isinstance(part, Reach) for part in parts):
        raise Inexpressible("a goal whose parts have parts")
    reaches = [words.normal_reach(part) for part in parts if isinstance(part, Reach)]
    said = [{"conditions": [condition_data(condition) for condition in reach.conditions]} for reach in reaches]
    return {"status": CLEAR, "order": order, "parts": said}


def condition_data(condition: Condition) -> Data:
    """A condition as an answer would give it."""
    if isinstance(condition, Exists):
        where = [condition_data(part) for part in condition.conditions]
        return {"exists": condition.positive, "some": [v.name for v in condition.parameters], "where": where}
    if isinstance(condition, Comparison):
        return {**_counter_data(condition.counter), "relation": str(condition.relation), "number": condition.number}
    return _literal_data(condition)


def _effect_data(effect: Effect) -> Data:
    if isinstance(effect, CounterChange):
        return {**_counter_data(effect.counter), "change": str(effect.op), "number": effect.number}
    return _literal_data(effect)


def _counter_data(counter: LiftedAtom) -> Data:
    return {"counter": counter.predicate, "args": list(counter.args)}


def _literal_data(literal: Literal) -> Data:
    return {"predicate": literal.atom.predicate, "args": list(literal.atom.args), "holds": literal.positive}
