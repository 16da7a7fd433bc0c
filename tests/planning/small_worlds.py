"""Random rules, states and goals over a small vocabulary that has something of everything."""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st

from worldwright.planning.problem import PlanningProblem
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.goal import Reach
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
    Outcome,
    Relation,
)
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.syntax import check_conditions, check_parameters, check_rule
from worldwright.world_model.vocabulary import (
    ActionSignature,
    Counter,
    Object,
    Predicate,
    Type,
    Variable,
    Vocabulary,
)

PLACES, ITEMS, TINTS = ("p1", "p2", "p3"), ("i1", "i2", "none"), ("red", "blue")

VOCABULARY = Vocabulary(
    name="small",
    types=(Type("place"), Type("item"), Type("tint")),
    constants=(Object("none", "item"), Object("red", "tint"), Object("blue", "tint"), Object("p1", "place")),
    predicates=(
        Predicate("at", ("place",), functional=True),
        Predicate("hand", ("item",), functional=True, injective=True),
        Predicate("lies", ("place", "item"), functional=True, injective=True),
        Predicate("tinted", ("item", "tint"), functional=True),
        Predicate("path", ("place", "place"), static=True),
        Predicate("after", ("place", "place"), functional=True, static=True),
        Predicate("lit", ("place",)),
        Predicate("seen", ("item",)),
        Predicate("done", ()),
        Predicate("ended", ()),
    ),
    actions=(ActionSignature("go"), ActionSignature("use"), ActionSignature("touch", ("item",))),
    counters=(Counter("fuel", (), 0, 2), Counter("heap", ("place",), 0, 2)),
)
ACTIONS = (Action("go"), Action("use"), *(Action("touch", (item,)) for item in ITEMS))
NAMES = {"place": PLACES, "item": ITEMS, "tint": TINTS}
VARIABLES = (
    Variable("?p", "place"),
    Variable("?q", "place"),
    Variable("?i", "item"),
    Variable("?j", "item"),
    Variable("?t", "tint"),
)
_TERMS = {
    type_: [variable.name for variable in VARIABLES if variable.type == type_]
    + [constant.name for constant in VOCABULARY.constants if constant.type == type_]
    for type_ in NAMES
}


def _atoms(predicates: list[Predicate] | list[Counter], terms: dict[str, list[str]]) -> st.SearchStrategy[LiftedAtom]:
    found = [
        LiftedAtom(predicate.name, args)
        for predicate in predicates
        for args in product(*(terms[type_] for type_ in predicate.types))
    ]
    return st.sampled_from(found)


_PREDICATES = list(VOCABULARY.predicates)
_CHANGING = [predicate for predicate in _PREDICATES if not predicate.static]


def _comparisons(terms: dict[str, list[str]]) -> st.SearchStrategy[Comparison]:
    counters = _atoms(list(VOCABULARY.counters), terms)
    return st.builds(Comparison, st.sampled_from(list(Relation)), counters, st.integers(0, 2))


def _literals(terms: dict[str, list[str]], positive: st.SearchStrategy[bool]) -> st.SearchStrategy[Literal]:
    return st.builds(Literal, _atoms(_PREDICATES, terms), positive)


_EQUALITIES = st.builds(
    lambda pair, positive: Literal(LiftedAtom(EQUALS, pair), positive),
    st.sampled_from([("?p", "?q"), ("?i", "?j"), ("?i", "none"), ("?p", "p1")]),
    st.booleans(),
)
_INNER = {"place": [*_TERMS["place"], "?r"], "item": [*_TERMS["item"], "?k"], "tint": _TERMS["tint"]}
_EXISTS = st.builds(
    Exists,
    st.sampled_from([(Variable("?r", "place"),), (Variable("?k", "item"),)]),
    st.lists(_literals(_INNER, st.booleans()) | _comparisons(_INNER), min_size=1, max_size=2).map(tuple),
    st.booleans(),
)
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    _literals(_TERMS, st.just(True)),
    _literals(_TERMS, st.just(True)),
    _literals(_TERMS, st.booleans()),
    _comparisons(_TERMS),
    _EQUALITIES,
    _EXISTS,
)


def variables_of(conditions: list[Condition]) -> list[Variable]:
    """The outer variables that occur, in a fixed order."""
    used = {term for condition in conditions for term in _terms(condition)}
    return [variable for variable in VARIABLES if variable.name in used]


def _terms(condition: Condition) -> list[str]:
    if isinstance(condition, Exists):
        return [term for part in condition.conditions for term in _terms(part)]
    atom = condition.counter if isinstance(condition, Comparison) else condition.atom
    return list(atom.args)


@st.composite
def rules(draw: st.DrawFn, name: str, simple: bool = False) -> ActionRule:
    """A well-formed rule."""
    conditions = draw(st.lists(_literals(_TERMS, st.just(True)) if simple else CONDITIONS, max_size=4))
    action = draw(st.sampled_from(["go", "go", "use", "touch"]))
    effects: list[Effect] = []
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(["move", "move", "say", "count"]))
        if kind == "say" or (kind == "count" and simple):
            effects.append(Literal(draw(_atoms(_CHANGING[4:], _TERMS)), draw(st.booleans())))
        elif kind == "count":
            operation = draw(st.sampled_from(list(CounterOp)))
            effects.append(
                CounterChange(operation, draw(_atoms(list(VOCABULARY.counters), _TERMS)), draw(st.integers(0, 2)))
            )
        else:
            atom = draw(_atoms(_CHANGING[:4], _TERMS))
            value_type = VOCABULARY.predicate(atom.predicate).types[-1]
            new = draw(st.sampled_from([None, *_TERMS[value_type]]))
            if new is not None:
                conditions.append(Literal(atom))
                effects.append(Literal(LiftedAtom(atom.predicate, (*atom.args[:-1], new))))
            effects.append(Literal(atom, positive=False))
    changed = [effect.counter if isinstance(effect, CounterChange) else effect.atom for effect in effects]
    found = variables_of([*conditions, *map(Literal, changed)])
    if action == "touch":
        found = [VARIABLES[2], *(variable for variable in found if variable != VARIABLES[2])]
    outcome = Outcome(1.0, tuple(dict.fromkeys(effects)))
    return ActionRule(name, action, tuple(found), tuple(dict.fromkeys(conditions)), (outcome,))


def is_well_formed(rule: ActionRule) -> bool:
    """Whether the rule language has the rule."""
    try:
        check_rule(VOCABULARY, rule)
    except WorldwrightError:
        return False
    return True


def models(simple: bool = False, most: int = 4) -> st.SearchStrategy[WorldModel]:
    """World models of a few rules."""
    each = [rules(f"r{number}", simple).filter(is_well_formed) for number in range(most)]
    return st.integers(1, most).flatmap(
        lambda count: st.tuples(*each[:count]).map(lambda found: WorldModel(VOCABULARY, tuple(found)))
    )


@st.composite
def states(draw: st.DrawFn) -> State:
    """A state in which injective predicates are injective."""
    universe = Universe(VOCABULARY)
    for type_, names in NAMES.items():
        for name in names:
            universe.add_object(name, type_)
    for pair in draw(st.sets(st.sampled_from(list(product(PLACES, PLACES))), max_size=4).map(sorted)):
        universe.add_fact(("path", *pair))
    for place in PLACES:
        if (following := draw(st.sampled_from([None, *PLACES]))) is not None:
            universe.add_fact(("after", place, following))
    values: dict[Fluent, Value] = {}
    _maybe(draw, values, ("at",), PLACES)
    _maybe(draw, values, ("hand",), ("none", "i1"))
    for place, item in zip(PLACES, ("i2", "none", "none"), strict=True):
        _maybe(draw, values, ("lies", place), (item, "none"))
    for item in ITEMS:
        _maybe(draw, values, ("tinted", item), TINTS)
    for fluent in (*(("lit", place) for place in PLACES), *(("seen", item) for item in ITEMS), ("done",)):
        _maybe(draw, values, fluent, (True,))
    for fluent in (("fuel",), *(("heap", place) for place in PLACES)):
        _maybe(draw, values, fluent, (0, 1, 2))
    return State(values, universe)


def _maybe(draw: st.DrawFn, values: dict[Fluent, Value], fluent: Fluent, choices: tuple[Value, ...]) -> None:
    chosen = draw(st.sampled_from([None, *choices]))
    if chosen is not None:
        values[fluent] = chosen


@st.composite
def goals(draw: st.DrawFn) -> Reach:
    """A well-formed goal."""
    conditions = draw(st.lists(CONDITIONS, min_size=1, max_size=3))
    reach = Reach(tuple(variables_of(conditions)), tuple(dict.fromkeys(conditions)))
    return reach


def is_goal(goal: Reach) -> bool:
    """Whether the goal language has the goal."""
    try:
        check_conditions(VOCABULARY, goal.conditions, check_parameters(VOCABULARY, goal.parameters))
    except WorldwrightError:
        return False
    return True


@st.composite
def problems(draw: st.DrawFn, simple: bool = False) -> PlanningProblem:
    """A planning problem."""
    wanted = draw(st.lists(goals().filter(is_goal), min_size=1, max_size=2))
    return PlanningProblem(draw(models(simple)), draw(states()), tuple(wanted))


def is_injective(state: State) -> bool:
    """Whether no object but a constant is the value of two fluents of an injective predicate."""
    for predicate in VOCABULARY.predicates:
        if predicate.injective:
            values = [state.value(fluent) for fluent in state.fluents(predicate.name)]
            names = [value for value in values if value not in VOCABULARY.constant_types]
            if len(set(names)) < len(names):
                return False
    return True
