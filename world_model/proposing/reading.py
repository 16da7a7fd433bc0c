"""From the text of an answer to rules, goals and edges. Nothing is coerced: what does not fit is refused, and why.

A fault of the whole answer (no JSON, cut off) refuses all of it, a fault of one rule only that rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from worldwright.world_model.chat.request import Reply
from worldwright.world_model.edges import FOUND_IN, RELATIONS, Edge, check_edge
from worldwright.world_model.errors import SyntaxProblem, VocabularyProblem
from worldwright.world_model.goal import AllOf, AnyOf, Goal, Reach, Then, check_goal
from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    CounterChange,
    CounterOp,
    Effect,
    Evidence,
    Exists,
    LiftedAtom,
    Literal,
    Outcome,
    Relation,
    is_variable,
)
from worldwright.world_model.matching import Query
from worldwright.world_model.proposing import schema
from worldwright.world_model.proposing.completing import UNKNOWN, Known, completed, lifted
from worldwright.world_model.proposing.refusing import Reason, Refused, answered_json
from worldwright.world_model.proposing.scenes import NO_SCENE, Scene
from worldwright.world_model.proposing.sense import check_sense, contradiction
from worldwright.world_model.proposing.words import Words, terms_of
from worldwright.world_model.syntax import check_rule
from worldwright.world_model.vocabulary import Variable

AUTHOR = "llm"
MAX_EXCERPT = 200  # characters
MAX_SOUGHT = 2  # things that a part of a goal looks for among all: each multiplies what must be tried

_COMPOUND: dict[str, type[AnyOf] | type[AllOf] | type[Then]] = {"any": AnyOf, "all": AllOf, "then": Then}

Options = Mapping[str, Sequence[Sequence[str]]]
"""For each action the names that may stand in each of its places."""


@dataclass(frozen=True)
class Rejection:
    """Something that was refused: why, in a word and in a sentence, and how it began (ASCII, up to 200 characters)."""

    reason: Reason
    detail: str
    excerpt: str


@dataclass(frozen=True)
class Reading:
    """What an answer says, and what of it was refused.

    Attributes:
        rules: as they were said.
        rejections: what was refused.
        meant: by a rule's law, the rules that it may be if it speaks of the things of a scene, most general first.
    """

    rules: tuple[ActionRule, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    meant: Mapping[tuple[object, ...], tuple[ActionRule, ...]] = field(default_factory=dict)


def read_rules(words: Words, actions: Sequence[str], reply: Reply, scene: Scene = NO_SCENE) -> Reading:
    """The rules of an answer that are well-formed, about these actions and of bounded size, each law once.

    They are named after their action and numbered, and have no evidence yet.

    Args:
        words: of the world.
        actions: that were asked about.
        reply: the answer.
        scene: that was asked about, of whose things a rule may speak without saying how they are found.
    """
    try:
        listed = array_of(object_of(whole_of(reply), ("rules",))["rules"], schema.MAX_RULES, "rules")
    except Refused as refused:
        return Reading(rejections=(rejection(refused, reply.text),))
    found: dict[tuple[object, ...], ActionRule] = {}
    meant: dict[tuple[object, ...], tuple[ActionRule, ...]] = {}
    rejections: list[Rejection] = []
    known = Known.of(words, scene)
    for data in listed:
        said = _sensible(words, actions, data)
        of_scene = [_sensible(words, actions, some, known) for some in (lifted(data, scene.values), data)]
        rules = {rule.law(): rule for rule in (*of_scene, said) if isinstance(rule, ActionRule)}
        if isinstance(said, Refused) and not rules:
            rejections.append(rejection(said, str(data)))
            continue
        rule = list(rules.values())[-1]  # as it was said, if it can be read so
        found.setdefault(rule.law(), rule)
        meant.setdefault(rule.law(), tuple(other for other in rules.values() if other.law() != rule.law()))
    return Reading(tuple(found.values()), tuple(rejections), meant)


def _sensible(words: Words, actions: Sequence[str], data: object, known: Known = UNKNOWN) -> ActionRule | Refused:
    """The rule that parsed JSON is, or why it is none."""
    try:
        rule = read_rule(words, actions, data, known)
        check_sense(words.vocabulary, rule)
    except Refused as refused:
        return refused
    return rule


def read_goal(words: Words, reply: Reply) -> Goal | Rejection:
    """The goal that an answer is, or why it is none: it says itself that the wish is unclear or impossible, or it is
    not well-formed."""
    try:
        data = object_of(whole_of(reply), ("status", "order", "parts"))
        status = one_of(data["status"], (schema.CLEAR, schema.UNCLEAR, schema.IMPOSSIBLE), "status")
        if status != schema.CLEAR:
            raise Refused(Reason.SENSELESS, f"the wish is {status}")
        order = one_of(data["order"], schema.ORDERS, "order")
        parts = [_reach(words, part) for part in array_of(data["parts"], schema.MAX_PARTS, "parts")]
        if not parts:
            raise Refused(Reason.SENSELESS, "a goal without parts")
        goal = parts[0] if len(parts) == 1 else _COMPOUND[order](tuple(parts))
    except Refused as refused:
        return rejection(refused, reply.text)
    return goal


def read_edges(words: Words, reply: Reply) -> tuple[tuple[Edge, ...], tuple[Rejection, ...]]:
    """The edges of an answer between known things, each once, and what was refused."""
    subjects, objects = schema.edge_subjects(words), schema.edge_objects(words)
    try:
        listed = array_of(object_of(whole_of(reply), ("edges",))["edges"], schema.MAX_EDGES, "edges")
    except Refused as refused:
        return (), (rejection(refused, reply.text),)
    found: list[Edge] = []
    rejections: list[Rejection] = []
    for data in listed:
        try:
            parts = object_of(data, ("subject", "relation", "object"))
            subject = one_of(parts["subject"], subjects, "subject")
            relation = one_of(parts["relation"], RELATIONS, "relation")
            edge = Edge(subject, relation, one_of(parts["object"], objects, "object"), AUTHOR)
            _accept(partial(check_edge, words.vocabulary, edge))
            if subject == edge.object:
                raise Refused(Reason.SENSELESS, f"{subject} {relation} itself")
            found.append(edge)
        except Refused as refused:
            rejections.append(rejection(refused, str(data)))
    return tuple(dict.fromkeys(found)), tuple(rejections)


def read_places(kinds: Sequence[str], sorts: Sequence[str], reply: Reply) -> tuple[Edge, ...] | Rejection:
    """Where things of some kinds usually are, as an answer says, each once; or why it says nothing."""
    try:
        said = object_of(whole_of(reply), kinds)
        found = [
            Edge(kind, FOUND_IN, one_of(sort, sorts, "place"), AUTHOR)
            for kind in kinds
            for sort in array_of(said[kind], schema.MAX_PLACES, "places")
        ]
    except Refused as refused:
        return rejection(refused, reply.text)
    return tuple(dict.fromkeys(found))


def read_facts(words: Words, things: Mapping[str, str], reply: Reply) -> tuple[Literal, ...] | Rejection:
    """The facts of an answer, about these things only (their types by name), each once; or why there are none."""
    try:
        listed = array_of(object_of(whole_of(reply), ("facts",))["facts"], schema.MAX_FACTS, "facts")
        return tuple(dict.fromkeys(_fact(words, things, data) for data in listed))
    except Refused as refused:
        return rejection(refused, reply.text)


def _fact(words: Words, things: Mapping[str, str], data: object) -> Literal:
    parts = object_of(data, ("predicate", "args", "holds"))
    known = {predicate.name: predicate.types for predicate in schema.tellable(words)}
    name = one_of(parts["predicate"], tuple(known), "predicate")
    terms = _each_of(parts["args"], [schema.fitting_terms(words, things, type_) for type_ in known[name]])
    return Literal(LiftedAtom(name, terms), truth_of(parts["holds"]))


def _each_of(data: object, places: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Names, each one of those that may stand in its place."""
    names = array_of(data, len(places), "args")
    if len(names) != len(places):
        raise Refused(Reason.ILL_TYPED, f"{len(names)} arguments where {len(places)} belong")
    return tuple(one_of(name, place, "thing") for name, place in zip(names, places, strict=True))


def read_action(
    options: Mapping[str, Sequence[Sequence[str]]], reply: Reply
) -> tuple[str, tuple[str, ...]] | Rejection:
    """The action of an answer with its arguments, each one that may stand in its place; or why it is none."""
    try:
        parts = object_of(whole_of(reply), ("action", "args"))
        name = one_of(parts["action"], tuple(options), "action")
        return name, _each_of(parts["args"], options[name])
    except Refused as refused:
        return rejection(refused, reply.text)


def rejection(refused: Refused, text: str) -> Rejection:
    """A refusal as a value."""
    excerpt = text[:MAX_EXCERPT].encode("ascii", "backslashreplace").decode()[:MAX_EXCERPT]
    return Rejection(refused.reason, str(refused), excerpt)


def whole_of(reply: Reply) -> object:
    if reply.finish == "length":
        raise Refused(Reason.CUT_OFF, "the answer is not whole")
    if reply.finish != "stop":
        raise Refused(Reason.DECLINED, reply.finish[:40])
    return answered_json(reply.text)


# -- rules -----------------------------------------------------------------------------------------------------------


def read_rule(words: Words, actions: Sequence[str], data: object, known: Known = UNKNOWN) -> ActionRule:
    """The rule that parsed JSON is, completed; raises `Refused`. Whether it makes sense is not asked here."""
    parts = object_of(data, ("action", "args", "when", "outcomes"))
    action = one_of(parts["action"], actions, "action")
    arity = len(words.vocabulary.action(action).types)
    arguments = [_variable(words, name) for name in array_of(parts["args"], arity, "args")]
    conditions = tuple(_condition(words, part) for part in array_of(parts["when"], schema.MAX_CONDITIONS, "when"))
    outcomes = tuple(_outcome(words, part) for part in array_of(parts["outcomes"], schema.MAX_OUTCOMES, "outcomes"))
    conditions, outcomes = completed(words, {v.name for v in arguments}, conditions, outcomes, known)
    rule = ActionRule(
        f"{action[:50]}-{AUTHOR}",
        action,
        _parameters(words, arguments, conditions, outcomes),
        conditions,
        outcomes,
        Evidence(author=AUTHOR),
    )
    if len(rule.parameters) > schema.MAX_PARAMETERS:
        raise Refused(Reason.TOO_MANY, f"{len(rule.parameters)} variables")
    _accept(lambda: check_rule(words.vocabulary, rule))
    return rule


def _parameters(
    words: Words, arguments: Sequence[Variable], conditions: Sequence[Condition], outcomes: Sequence[Outcome]
) -> tuple[Variable, ...]:
    """The arguments, then the other free variables in the order in which they are mentioned."""
    found = {variable.name: variable for variable in arguments}
    if len(found) < len(arguments):
        raise Refused(Reason.ILL_TYPED, "an argument stands twice")
    effects = [effect for outcome in outcomes for effect in outcome.effects]
    for part in (*conditions, *effects):
        bound = {variable.name for variable in part.parameters} if isinstance(part, Exists) else set()
        for term in terms_of(part):
            if is_variable(term) and term not in bound:
                found.setdefault(term, words.variables[term])
    return tuple(found.values())


def _condition(words: Words, data: object) -> Condition:
    if isinstance(data, dict) and "exists" in data:
        parts = object_of(data, ("exists", "some", "where"))
        some = tuple(_variable(words, name) for name in array_of(parts["some"], schema.MAX_INNER, "some"))
        where = tuple(_simple(words, part) for part in array_of(parts["where"], schema.MAX_INNER, "where"))
        return Exists(some, where, truth_of(parts["exists"]))
    return _simple(words, data)


def _simple(words: Words, data: object) -> Literal | Comparison:
    if isinstance(data, dict) and "counter" in data:
        parts = object_of(data, ("counter", "args", "relation", "number"))
        relation = Relation(one_of(parts["relation"], tuple(Relation), "relation"))
        return Comparison(relation, _counter(words, parts), _number(parts["number"]))
    return _literal(words, data)


def _literal(words: Words, data: object, more: Collection[str] = (EQUALS,)) -> Literal:
    parts = object_of(data, ("predicate", "args", "holds"))
    known = {predicate.name: len(predicate.types) for predicate in words.vocabulary.predicates}
    name = one_of(parts["predicate"], (*known, *more), "predicate")
    return Literal(LiftedAtom(name, _terms(words, parts["args"], known.get(name, 2))), truth_of(parts["holds"]))


def _counter(words: Words, parts: Mapping[str, object]) -> LiftedAtom:
    known = {counter.name: len(counter.types) for counter in words.vocabulary.counters}
    name = one_of(parts["counter"], tuple(known), "counter")
    return LiftedAtom(name, _terms(words, parts["args"], known[name]))


def _terms(words: Words, data: object, arity: int) -> tuple[str, ...]:
    listed = array_of(data, arity, "args")
    if len(listed) != arity:
        raise Refused(Reason.ILL_TYPED, f"{len(listed)} arguments where {arity} belong")
    known = words.vocabulary.constant_types
    return tuple(term if isinstance(term, str) and term in known else _variable(words, term).name for term in listed)


def _outcome(words: Words, data: object) -> Outcome:
    parts = object_of(data, ("probability", "effects"))
    chance = parts["probability"]
    if isinstance(chance, bool) or not isinstance(chance, int | float) or not 0 <= chance <= 1:
        raise Refused(Reason.SHAPE, "a probability is a number from 0 to 1")
    effects = array_of(parts["effects"], schema.MAX_EFFECTS, "effects")
    return Outcome(float(chance), tuple(_effect(words, part) for part in effects))


def _effect(words: Words, data: object) -> Effect:
    if isinstance(data, dict) and "counter" in data:
        parts = object_of(data, ("counter", "args", "change", "number"))
        change = CounterOp(one_of(parts["change"], tuple(CounterOp), "change"))
        return CounterChange(change, _counter(words, parts), _number(parts["number"]))
    return _literal(words, data, more=())


def _reach(words: Words, data: object) -> Reach:
    parts = object_of(data, ("conditions",))
    listed = array_of(parts["conditions"], schema.MAX_CONDITIONS, "conditions")
    conditions = tuple(_condition(words, part) for part in listed)
    if not conditions:
        raise Refused(Reason.SENSELESS, "a part of a goal that asks for nothing")
    reach = Reach(_parameters(words, (), conditions, ()), conditions)
    _check_wish(words, reach)
    return reach


def _check_wish(words: Words, reach: Reach) -> None:
    """Raise `Refused` for what cannot be wished: what can never be, and what only the world says."""
    for condition in reach.conditions:
        for part in condition.conditions if isinstance(condition, Exists) else (condition,):
            if isinstance(part, Literal) and part.atom.predicate in schema.OWN:
                raise Refused(Reason.SENSELESS, f"{part} is not for anybody to bring about")
    _accept(lambda: check_goal(words.vocabulary, reach))
    why = contradiction(words.vocabulary, reach.conditions)
    if why:
        raise Refused(Reason.SENSELESS, f"it can never be: {why}")
    searched = Query(words.vocabulary, reach.parameters, reach.conditions).searches
    if searched > MAX_SOUGHT:
        raise Refused(Reason.TOO_BROAD, f"{searched} things to be looked for among all, at most {MAX_SOUGHT}")


# -- parts -----------------------------------------------------------------------------------------------------------


def object_of(data: object, keys: Collection[str]) -> dict[str, Any]:
    """The object itself, if it has these keys and no other."""
    if not isinstance(data, dict) or data.keys() != set(keys):
        raise Refused(Reason.SHAPE, f"expected an object of {', '.join(keys)}")
    return data


def array_of(data: object, most: int, what: str) -> list[Any]:
    if not isinstance(data, list):
        raise Refused(Reason.SHAPE, f"{what} is no array")
    if len(data) > most:
        raise Refused(Reason.TOO_MANY, f"{len(data)} {what}, at most {most}")
    return data


Text = TypeVar("Text", bound=str)


def one_of(data: object, names: Sequence[Text], what: str) -> Text:
    found = next((name for name in names if isinstance(data, str) and data == name), None)
    if found is None:
        raise Refused(Reason.UNKNOWN, f"unknown {what} {_shown(data)}")
    return found


def _variable(words: Words, data: object) -> Variable:
    found = words.variables.get(data) if isinstance(data, str) else None
    if found is None:
        raise Refused(Reason.UNKNOWN, f"unknown term {_shown(data)}")
    return found


def truth_of(data: object) -> bool:
    if not isinstance(data, bool):
        raise Refused(Reason.SHAPE, f"{_shown(data)} is neither true nor false")
    return data


def _number(data: object) -> int:
    if isinstance(data, bool) or not isinstance(data, int):
        raise Refused(Reason.SHAPE, f"{_shown(data)} is no whole number")
    return data


def _shown(data: object) -> str:
    return ascii(data)[:60] if isinstance(data, str | int | float) else type(data).__name__


def _accept(check: Callable[[], None]) -> None:
    """Let the rule language's own checks decide."""
    try:
        check()
    except (SyntaxProblem, VocabularyProblem) as error:
        raise Refused(Reason.ILL_TYPED, str(error)) from None
