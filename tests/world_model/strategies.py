"""Random vocabularies, and states, rules, goals and models that fit them, for property tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from worldwright.world_model.edges import FOUND_IN, PRODUCES, REQUIRES, Edge
from worldwright.world_model.goal import AllOf, AnyOf, Goal, Reach, Then, Upon
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
)
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.vocabulary import (
    ROOT_TYPE,
    ActionSignature,
    Counter,
    Object,
    Predicate,
    Type,
    Variable,
    Vocabulary,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]

# Few words for many kinds of things, some of them PDDL's own: so that names collide wherever they may.
WORDS = (
    "kind",
    "on",
    "at",
    "move",
    "number",
    "number-2",
    "key",
    "a",
    "b-1",
    "either",
    "goal",
    "start",
    "x_y",
)
PROBABILITIES = (
    (1.0,),
    (0.5, 0.5),
    (0.8, 0.2),
    (1 / 3, 2 / 3),
    (0.2, 0.3, 0.5),
    (0.000001, 0.999999),
    (0.0, 1.0),
)


@st.composite
def vocabularies(draw: Draw) -> Vocabulary:
    """A vocabulary of a few types, constants, predicates, counters and actions."""
    types: list[Type] = []
    for name in draw(_names(1, 4)):
        parent = draw(st.sampled_from([ROOT_TYPE, *(type_.name for type_ in types)]))
        types.append(Type(name, parent, nominal=draw(st.booleans())))
    names = [type_.name for type_ in types]
    constants = tuple(Object(name, draw(st.sampled_from(names))) for name in draw(_names(0, 4)))
    words = draw(_names(2, 7))
    split = draw(st.integers(1, len(words) - 1))
    predicates = tuple(draw(_predicates(word, types, constants)) for word in words[:split])
    counters = tuple(draw(_counters(word, [*names, ROOT_TYPE])) for word in words[split:])
    actions = tuple(ActionSignature(word, draw(_types(names, 2))) for word in draw(_names(1, 3)))
    return Vocabulary(draw(st.sampled_from(WORDS)), tuple(types), predicates, actions, constants, counters)


def _names(least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(WORDS), min_size=least, max_size=most, unique=True)


def _types(names: Sequence[str], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), max_size=most).map(tuple)


@st.composite
def _predicates(draw: Draw, name: str, types: Sequence[Type], constants: Sequence[Object]) -> Predicate:
    names = draw(_types([ROOT_TYPE, *(type_.name for type_ in types)], 3))
    functional = bool(names) and draw(st.booleans())
    static = draw(st.sampled_from([False, False, False, True]))
    fitting = [None, *(constant.name for constant in constants if constant.type == names[-1])] if functional else [None]
    return Predicate(
        name,
        names,
        functional=functional,
        injective=functional and draw(st.booleans()),
        static=static,
        default=draw(st.sampled_from(fitting)),
    )


@st.composite
def _counters(draw: Draw, name: str, names: Sequence[str]) -> Counter:
    low = draw(st.integers(-2, 1))
    return Counter(name, draw(_types(names, 1)), low, low + draw(st.integers(0, 4)))


# -- states -----------------------------------------------------------------------------------------------


@st.composite
def states(draw: Draw, vocabulary: Vocabulary, most_objects: int = 3) -> State:
    """A state that keeps what the vocabulary promises: types, one value a fluent, injectivity."""
    universe = Universe(vocabulary)
    names = [type_.name for type_ in vocabulary.types]
    for number in range(draw(st.integers(0, most_objects))):
        universe.add_object(f"thing{number}", draw(st.sampled_from(names)))
    values: dict[Fluent, Value] = {}
    for predicate in vocabulary.predicates:
        facts = draw(_assignments(universe, predicate))
        if predicate.static:
            for fluent, value in facts.items():
                universe.add_fact(fluent if value is True else (*fluent, str(value)))
        else:
            values.update(facts)
    for counter in vocabulary.counters:
        for key in draw(_some(_tuples(universe, counter.types))):
            values[(counter.name, *key)] = draw(st.integers(counter.low, counter.high))
    return State(values, universe)


@st.composite
def _assignments(draw: Draw, universe: Universe, predicate: Predicate) -> dict[Fluent, Value]:
    key_types = predicate.types[:-1] if predicate.functional else predicate.types
    found: dict[Fluent, Value] = {}
    free = list(universe.objects(predicate.types[-1])) if predicate.functional else []
    for key in draw(_some(_tuples(universe, key_types))):
        if not predicate.functional:
            found[(predicate.name, *key)] = True
        elif free:
            value = found[(predicate.name, *key)] = draw(st.sampled_from(free))
            if predicate.injective and value not in universe.vocabulary.constant_types:
                free.remove(value)
    return found


def _tuples(universe: Universe, types: Sequence[str]) -> list[tuple[str, ...]]:
    return list(itertools.product(*(universe.objects(type_) for type_ in types)))


def _some(tuples: list[tuple[str, ...]]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    if not tuples:
        return st.just([])
    return st.lists(st.sampled_from(tuples), unique=True, max_size=6)


# -- rules ------------------------------------------------------------------------------------------------


class _Scope:
    """The terms that a condition or an effect may use."""

    def __init__(self, vocabulary: Vocabulary, variables: Sequence[Variable]) -> None:
        self.vocabulary = vocabulary
        self.terms = {variable.name: variable.type for variable in variables} | vocabulary.constant_types

    def atom(self, draw: Draw, name: str, types: Sequence[str], exact: bool = False) -> LiftedAtom | None:
        """The predicate with terms whose types fit it (or, if not `exact`, may fit it); None if there are none."""
        is_a = self.vocabulary.is_a
        args = []
        for wanted in types:
            fitting = [
                term for term, type_ in self.terms.items() if is_a(type_, wanted) or (not exact and is_a(wanted, type_))
            ]
            if not fitting:
                return None
            args.append(draw(st.sampled_from(fitting)))
        return LiftedAtom(name, tuple(args))


@st.composite
def conditions(draw: Draw, vocabulary: Vocabulary, variables: Sequence[Variable], depth: int = 1) -> Condition | None:
    """A condition over the variables; None where the vocabulary offers none of the drawn kind."""
    scope = _Scope(vocabulary, variables)
    kind = draw(st.sampled_from(["atom"] * 5 + ["denied", "equal", "count", "exists"]))
    if kind == "exists" and depth:
        inner = tuple(Variable(f"?e{i}", draw(_type_names(vocabulary))) for i in range(draw(st.integers(0, 2))))
        inside = [draw(conditions(vocabulary, (*variables, *inner), depth=0)) for _ in range(draw(st.integers(0, 2)))]
        return Exists(inner, tuple(c for c in inside if c is not None), positive=draw(st.booleans()))
    if kind == "count" and vocabulary.counters:
        counter = draw(st.sampled_from(vocabulary.counters))
        atom = scope.atom(draw, counter.name, counter.types)
        number = draw(st.integers(counter.low - 1, counter.high + 1))
        return Comparison(draw(st.sampled_from(list(Relation))), atom, number) if atom else None
    if kind == "equal":
        atom = scope.atom(draw, EQUALS, (ROOT_TYPE, ROOT_TYPE))
        return Literal(atom, positive=draw(st.booleans())) if atom else None
    predicate = draw(st.sampled_from(vocabulary.predicates))
    atom = scope.atom(draw, predicate.name, predicate.types)
    return Literal(atom, positive=kind != "denied") if atom else None


def _type_names(vocabulary: Vocabulary) -> st.SearchStrategy[str]:
    return st.sampled_from([ROOT_TYPE, *(type_.name for type_ in vocabulary.types)])


@st.composite
def _effects(
    draw: Draw, vocabulary: Vocabulary, variables: Sequence[Variable], required: Sequence[LiftedAtom]
) -> tuple[Effect, ...]:
    scope = _Scope(vocabulary, variables)
    found: list[Effect] = []
    changed: set[tuple[str, ...]] = set()
    for _ in range(draw(st.integers(0, 3))):
        part = draw(_one_effect(scope, required))
        fluents = {_changed(vocabulary, effect) for effect in part}
        if not fluents & changed:
            changed |= fluents
            found.extend(part)
    return tuple(found)


def _changed(vocabulary: Vocabulary, effect: Effect) -> tuple[str, ...]:
    atom = effect.counter if isinstance(effect, CounterChange) else effect.atom
    return (atom.predicate, *(atom.args[:-1] if vocabulary.is_functional(atom.predicate) else atom.args))


@st.composite
def _one_effect(draw: Draw, scope: _Scope, required: Sequence[LiftedAtom]) -> list[Effect]:
    vocabulary = scope.vocabulary
    relations = [p for p in vocabulary.predicates if not p.static and not p.functional]
    kinds = ["replace"] * (2 * bool(required)) + ["relation"] * bool(relations) + ["count"] * bool(vocabulary.counters)
    kind = draw(st.sampled_from(kinds or ["none"]))
    if kind == "replace":
        old = draw(st.sampled_from(list(required)))
        value = scope.atom(draw, old.predicate, vocabulary.predicate(old.predicate).types[-1:], exact=True)
        effects: list[Effect] = [Literal(old, positive=False)]
        if value is not None and value.args[0] != old.args[-1] and draw(st.sampled_from([True, True, False])):
            effects.append(Literal(LiftedAtom(old.predicate, (*old.args[:-1], *value.args))))
        return effects
    if kind == "relation":
        predicate = draw(st.sampled_from(relations))
        atom = scope.atom(draw, predicate.name, predicate.types, exact=True)
        return [Literal(atom, positive=draw(st.booleans()))] if atom else []
    if kind == "count":
        counter = draw(st.sampled_from(vocabulary.counters))
        atom = scope.atom(draw, counter.name, counter.types, exact=True)
        change = draw(st.sampled_from(list(CounterOp)))
        return [CounterChange(change, atom, draw(st.integers(-3, 5)))] if atom else []
    return []


@st.composite
def rules(draw: Draw, vocabulary: Vocabulary, name: str = "rule") -> ActionRule:
    """A well-formed rule."""
    action = draw(st.sampled_from(vocabulary.actions))
    parameters = [Variable(f"?a{i}", type_) for i, type_ in enumerate(action.types)]
    parameters += [Variable(f"?x{i}", draw(_type_names(vocabulary))) for i in range(draw(st.integers(0, 3)))]
    drawn = [draw(conditions(vocabulary, parameters)) for _ in range(draw(st.integers(0, 5)))]
    required = [
        c.atom
        for c in drawn
        if isinstance(c, Literal)
        and c.positive
        and c.atom.predicate != EQUALS
        and vocabulary.is_functional(c.atom.predicate)
        and not vocabulary.predicate(c.atom.predicate).static
    ]
    outcomes = [
        Outcome(probability, draw(_effects(vocabulary, parameters, required)))
        for probability in draw(st.sampled_from(PROBABILITIES))
    ]
    evidence = Evidence(draw(st.integers(0, 10**9)), draw(st.integers(0, 9)), "inducer", draw(st.integers(0, 10**9)))
    preconditions = tuple(c for c in drawn if c is not None)
    rule = ActionRule(name, action.name, tuple(parameters), preconditions, tuple(outcomes), evidence)
    # An effect must fit its types exactly, a condition need only possibly fit; what it replaces may be either.
    assume(_effects_fit(vocabulary, rule))
    return rule


def _effects_fit(vocabulary: Vocabulary, rule: ActionRule) -> bool:
    types = {**vocabulary.constant_types, **{variable.name: variable.type for variable in rule.parameters}}
    return all(
        vocabulary.is_a(types[term], wanted)
        for outcome in rule.outcomes
        for effect in outcome.effects
        if isinstance(effect, Literal) and effect.positive
        for term, wanted in zip(effect.atom.args, vocabulary.predicate(effect.atom.predicate).types, strict=True)
    )


@st.composite
def models(draw: Draw, vocabulary: Vocabulary, least_rules: int = 0, most_rules: int = 3) -> WorldModel:
    """A model of a few rules and hypotheses."""
    found = [draw(rules(vocabulary, f"rule{i}")) for i in range(draw(st.integers(least_rules, most_rules)))]
    split = draw(st.integers(0, len(found))) if draw(st.booleans()) else len(found)
    steps, said = draw(st.integers(0, 10**9)), draw(edges(vocabulary))
    return WorldModel(vocabulary, tuple(found[:split]), tuple(found[split:]), steps, edges=said)


def edges(vocabulary: Vocabulary) -> st.SearchStrategy[tuple[Edge, ...]]:
    """Somebody's words about the vocabulary's actions and constants."""
    constants = [constant.name for constant in vocabulary.constants]
    if not constants:
        return st.just(())
    actions = [action.name for action in vocabulary.actions]
    found_in = st.builds(Edge, st.sampled_from(constants), st.just(FOUND_IN), st.sampled_from(constants))
    others = st.sampled_from([REQUIRES, PRODUCES])
    other = st.builds(Edge, st.sampled_from([*actions, *constants]), others, st.sampled_from(constants))
    return st.lists(found_in | other, max_size=3, unique=True).map(tuple)


# -- goals ------------------------------------------------------------------------------------------------


@st.composite
def reaches(draw: Draw, vocabulary: Vocabulary) -> Reach:
    """A conjunction to be made true."""
    variables = tuple(Variable(f"?g{i}", draw(_type_names(vocabulary))) for i in range(draw(st.integers(0, 2))))
    drawn = [draw(conditions(vocabulary, variables)) for _ in range(draw(st.integers(0, 3)))]
    return Reach(variables, tuple(c for c in drawn if c is not None))


def goals(vocabulary: Vocabulary) -> st.SearchStrategy[Goal]:
    """A goal of a few parts."""
    return st.recursive(
        reaches(vocabulary),
        lambda parts: (
            st.builds(
                lambda make, some: make(tuple(some)),
                st.sampled_from([AnyOf, AllOf, Then]),
                st.lists(parts, min_size=1, max_size=3),
            )
            | st.builds(Upon, st.tuples(parts, parts), st.booleans())
        ),
        max_leaves=4,
    )
