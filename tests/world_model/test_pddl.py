"""The exported PDDL means what the model means: planners solve it, and a simulator steps through it alike."""

import itertools
import random
import re
from pathlib import Path

import pytest
import unified_planning.environment as up_environment
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from unified_planning.engines import UPSequentialSimulator
from unified_planning.exceptions import UPTypeError
from unified_planning.io import PDDLReader
from unified_planning.shortcuts import OneshotPlanner

from tests.world_model.strategies import models, reaches, states, vocabularies
from worldwright.envs.minigrid.vocabulary import STEPS
from worldwright.envs.minigrid.vocabulary import VOCABULARY as MINIGRID
from worldwright.world_model.errors import Inexpressible, SyntaxProblem, VocabularyProblem
from worldwright.world_model.goal import Reach, parse_goal
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.model_file import vocabulary_of
from worldwright.world_model.pddl import domain_text, problem_text
from worldwright.world_model.pddl_names import WORDS, names_of
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.syntax import parse_rule
from worldwright.world_model.vocabulary import Vocabulary


def read(domain: str, problem: str):
    """The problem as unified-planning reads it.

    unified-planning 1.3.0 cannot simplify an `exists` in which variables of a type and of one below it are equal.
    """
    up_environment.GLOBAL_ENVIRONMENT = up_environment.Environment()  # it keeps what every problem before said
    try:
        return PDDLReader().parse_problem_string(domain, problem)
    except UPTypeError as error:
        if "substitution" in str(error):
            reject()
        raise


def reach(vocabulary: Vocabulary, text: str) -> Reach:
    goal = parse_goal(vocabulary, text)
    assert isinstance(goal, Reach)
    return goal


# -- a room with a locked door ----------------------------------------------------------------------------

AHEAD = "(agent-at ?a) (facing ?d) (next ?d ?a ?f)"
FRONT = f"{AHEAD} (on ?f ?x)"
CELLS = "?a - cell ?d - direction ?f - cell"
THING = f"{CELLS} ?x - thing"
MOVE = "(not (agent-at ?a)) (agent-at ?f)"
TAKE = "(not (holding nothing)) (holding ?x) (not (on ?f ?x)) (on ?f nothing)"
UNLOCK = "(kind ?x door) (state ?x locked) (holding ?k) (kind ?k key) (color ?k ?c) (color ?x ?c)"
OPEN = "(not (state ?x {})) (state ?x {})"
TURN = "?d - direction ?e - direction"

LAWS = (
    ("turn-left", "left", TURN, "(facing ?d) (counterclockwise ?d ?e)", "(not (facing ?d)) (facing ?e)"),
    ("turn-right", "right", TURN, "(facing ?d) (clockwise ?d ?e)", "(not (facing ?d)) (facing ?e)"),
    ("step", "forward", CELLS, f"{AHEAD} (on ?f nothing)", MOVE),
    ("step-through", "forward", THING, f"{FRONT} (kind ?x door) (state ?x open)", MOVE),
    ("step-home", "forward", THING, f"{FRONT} (kind ?x goal)", MOVE),
    ("win", "forward", THING, f"{FRONT} (kind ?x goal)", "(won) (ended)"),
    ("take", "pickup", THING, f"{FRONT} (kind ?x key) (holding nothing)", TAKE),
    ("unlock", "toggle", f"{THING} ?k - thing ?c - color", f"{FRONT} {UNLOCK}", OPEN.format("locked", "open")),
    ("open", "toggle", THING, f"{FRONT} (kind ?x door) (state ?x closed)", OPEN.format("closed", "open")),
    ("close", "toggle", THING, f"{FRONT} (kind ?x door) (state ?x open)", OPEN.format("open", "closed")),
)


def model_of(vocabulary: Vocabulary, laws) -> WorldModel:
    texts = [
        f"(:rule {name} :action {action} :parameters ({parameters}) :precondition (and {conditions})"
        f" :outcomes ({effects if effects.startswith('(0.') else f'(1 (and {effects}))'}))"
        for name, action, parameters, conditions, effects in laws
    ]
    return WorldModel(vocabulary, tuple(parse_rule(vocabulary, text) for text in texts))


DOORKEY = model_of(MINIGRID, LAWS)
KINDS = {"w": "wall", "k": "key", "D": "door", "g": "goal"}


def room(*rows: str) -> State:
    """w wall, k key, D locked door, g goal, a agent (looking east)."""
    universe = Universe(MINIGRID)
    values: dict[Fluent, Value] = {("holding",): "nothing", ("facing",): "east"}
    cells = {(x, y): f"c{x}-{y}" for y, row in enumerate(rows) for x, _ in enumerate(row)}
    for (x, y), cell in cells.items():
        universe.add_object(cell, "cell")
        sign = rows[y][x]
        thing = f"{KINDS[sign]}{x}-{y}" if sign in KINDS else "nothing"
        values[("on", cell)] = thing
        if sign in KINDS:
            universe.add_object(thing, "thing")
            values |= {("kind", thing): KINDS[sign], ("color", thing): "yellow"}
        if sign == "D":
            values[("state", thing)] = "locked"
        if sign == "a":
            values[("agent-at",)] = cell
    for (x, y), cell in cells.items():
        for direction, (dx, dy) in STEPS.items():
            if (x + dx, y + dy) in cells:
                universe.add_fact(("next", direction, cell, cells[x + dx, y + dy]))
    return State(values, universe)


CORRIDOR = room("akDgw")
ROOM = room("wwwwww", "wa.wgw", "w.kD.w", "w..w.w", "wwwwww")
HOME = reach(MINIGRID, "(some () (and (won)))")


def replay(model: WorldModel, state: State, steps: list[Action]) -> State:
    for step in steps:
        after = model.predict(state, step).state
        assert after != state, f"{step} of the plan does nothing"
        state = after
    return state


def test_fast_downward_solves_the_room_and_the_model_agrees() -> None:
    problem = read(domain_text(DOORKEY, ROOM), problem_text(DOORKEY, ROOM, HOME))
    with OneshotPlanner(name="fast-downward") as planner:
        plan = planner.solve(problem).plan
    names = names_of(DOORKEY, ROOM)
    steps = [names.action_of(s.action.name, [str(a) for a in s.actual_parameters]) for s in plan.actions]
    assert Query(MINIGRID, (), HOME.conditions).holds(replay(DOORKEY, ROOM, steps))
    assert len(steps) >= 9 and {str(step) for step in steps} >= {"(pickup)", "(toggle)", "(forward)"}


def test_a_strips_planner_solves_a_corridor(tmp_path: Path) -> None:
    planner = pytest.importorskip("pyperplan.planner", reason="pyperplan is not installed")
    domain, problem = tmp_path / "domain.pddl", tmp_path / "problem.pddl"
    domain.write_text(domain_text(DOORKEY, CORRIDOR))
    problem.write_text(problem_text(DOORKEY, CORRIDOR, HOME))
    found = planner.search_plan(str(domain), str(problem), planner.SEARCHES["gbf"], planner.HEURISTICS["hff"])
    names = names_of(DOORKEY, CORRIDOR)
    steps = [names.parse_step(operator.name) for operator in found]
    assert Query(MINIGRID, (), HOME.conditions).holds(replay(DOORKEY, CORRIDOR, steps))


def test_deictic_rules_become_actions_of_plain_strips() -> None:
    text = domain_text(DOORKEY, ROOM)
    assert re.findall(r":requirements (.*)\)", text) == [":strips :typing"]
    assert re.findall(r"\(:action (\S+)", text) == [
        *("turn-left", "turn-right", "step", "step-through", "step-home", "take", "unlock", "open-rule", "close")
    ], "`win`, which always applies with `step-home`, is part of it"
    assert "(won)" in text.split("(:action step-home")[1].split("(:action")[0]
    assert "when" not in text and "forall" not in text


def test_without_a_state_nothing_is_taken_for_granted() -> None:
    text = domain_text(DOORKEY)
    step = text.split("(:action step\n")[1].split("(:action")[0]
    assert "(when (kind nothing goal-object) (and (won) (ended)))" in step
    assert ":conditional-effects" in text


def test_names_that_collide_are_told_apart_and_led_back() -> None:
    names = names_of(DOORKEY, ROOM)
    assert (names.types["kind"], names.predicates["kind"]) == ("kind-type", "kind")
    assert names.objects["goal"] == "goal-object", "a word of PDDL"
    text = domain_text(DOORKEY, ROOM)
    assert "; type kind-type is called kind in the model" in text
    assert names.parse_step("(UNLOCK c1-1 east c2-1 door3-2 nothing red)") == Action("toggle")
    with pytest.raises(SyntaxProblem, match="not in the domain"):
        names.parse_step("(explode c1-1)")
    with pytest.raises(SyntaxProblem, match="unknown one"):
        names.parse_step("(step c1-1 east c99-99)")
    with pytest.raises(SyntaxProblem):
        names.parse_step("(step c1-1) (:goal (and (won)))")


def test_every_name_is_used_once_and_is_no_word_of_pddl() -> None:
    vocabulary = vocabulary_of(
        parse_one("""(:vocabulary domain (:types (at object) (when-2 object) (at-type at)) 
        (:constants (at at) (a at)) (:predicates (at at) (number at at :functional))
        (:counters (total-cost at 0 5) (end 0 2)) (:actions (at at) (a)))""")
    )
    law = ("at", "at", "?x - at", "(at ?x) (<= (total-cost ?x) 1)", "(increase (total-cost ?x) 2) (not (at ?x))")
    model = model_of(vocabulary, [law, law, ("end", "a", "", "", "(increase (end) 1)")])
    universe = Universe(vocabulary)
    for name in ("at-object", "end", "a-object", "number-pred"):
        universe.add_object(name, "at-type")
    state = State({("at", "end"): True, ("total-cost", "a"): 3}, universe)
    goal = reach(vocabulary, "(some (?x - at) (and (>= (total-cost ?x) 2) (not (at ?x))))")
    names = names_of(model, state)
    used = [names.domain, *names.predicates.values(), *list(names.types.values())[1:], *names.objects.values()]
    used += [*names.rules, *names.actions.values()]
    assert len(set(used)) == len(used) and not WORDS & set(used)
    problem = read(domain_text(model, state), problem_text(model, state, goal))
    assert {o.name for o in problem.all_objects} == set(names.objects.values())
    [action] = [a for a in problem.actions if a.name == names.rules[0]]
    assert names.action_of(action.name, [names.objects["end"]]) == Action("at", ("end",))


HOSTILE = (
    *("key1) (:goal (and (won)))\n;", "", "0", "9lives", "-", "?x", "ключ", "key\0", "k" * 500, "(and)", "not", "; x"),
    *("Key-1", "key-1", "key_1", "key 1", "key--1", "key.1", "at", "won", "\ud800", "../../.bashrc"),
)


def test_no_name_of_an_object_can_break_out_of_the_text() -> None:
    universe = Universe(MINIGRID)
    for name in HOSTILE:
        universe.add_object(name, "thing")
    state = State({("kind", name): "ball" for name in HOSTILE} | {("holding",): HOSTILE[0]}, universe)
    names = names_of(DOORKEY, state)
    pddl = [names.objects[name] for name in HOSTILE]
    assert len(set(pddl)) == len(HOSTILE) and all(re.fullmatch("[a-z][a-z0-9_-]{0,63}", name) for name in pddl)
    assert names.objects["key-1"] == "key-1" and names.objects["Key-1"] != "key-1"
    problem = read(domain_text(DOORKEY, state), problem_text(DOORKEY, state, HOME))
    assert {o.name for o in problem.all_objects} >= set(pddl)
    assert str(problem.goals) == "[won]"
    step = f"(take {pddl[0]} east {pddl[1]} {pddl[2]})"
    assert names.parse_step(step) == Action("pickup")
    back = {pddl: name for name, pddl in names.objects.items()}
    assert [back[name] for name in pddl] == list(HOSTILE)


def test_a_state_of_unknown_things_is_refused() -> None:
    state = State({("holding",): "ghost) (won"}, Universe(MINIGRID))
    with pytest.raises(Inexpressible, match="does not know"):
        problem_text(DOORKEY, state, HOME)


# -- what rules do together -------------------------------------------------------------------------------

FARM = vocabulary_of(
    parse_one("""(:vocabulary farm
      (:types (place object) (animal object) (sheep animal) (mood object))
      (:constants (calm mood) (afraid mood) (barn place))
      (:predicates (at animal place :functional) (mood-of animal mood :functional) (hungry animal) (night)
                   (leader animal :functional))
      (:counters (wool -1 5) (grass place 0 9) (years 2 9))
      (:actions (bark) (shear animal) (pair animal animal)))""")
)
EVERY = reach(FARM, "(some () (and (night)))")


def farm(**values: Value) -> State:
    universe = Universe(FARM)
    for name, type_ in (("dolly", "sheep"), ("molly", "animal"), ("field", "place")):
        universe.add_object(name, type_)
    return State({tuple(key.replace("_of", "-of").split("__")): value for key, value in values.items()}, universe)


def plain(state: State) -> dict[Fluent, Value]:
    """What a state says, counters that are 0 and such as were never counted being one."""
    counters = {counter.name for counter in state.universe.vocabulary.counters}
    return {fluent: value for fluent, value in state.values.items() if fluent[0] not in counters or value}


class Simulated:
    """The exported problem, stepped by unified-planning."""

    def __init__(self, model: WorldModel, state: State, goal: Reach) -> None:
        self.names = names_of(model, state)
        self.text = domain_text(model, state)
        problem = read(self.text, problem_text(model, state, goal))
        self.problem, self.universe = problem, state.universe
        self.simulator = UPSequentialSimulator(problem, error_on_failed_checks=False)

    def start(self):
        return self.simulator.get_initial_state()

    def after(self, state, action: Action) -> list[object]:
        """The states after every PDDL action that stands for this action and applies; `state` itself if none does."""
        em = self.problem.environment.expression_manager
        found = []
        for one in self.problem.actions:
            name, arity = self.names.steps[one.name]
            if name == action.name:
                choices = [list(self.problem.objects(p.type)) for p in one.parameters]
                given = [[self.problem.object(self.names.objects[arg])] for arg in action.args]
                for objects in itertools.product(*given, *choices[arity:]):
                    if all(o in fitting for o, fitting in zip(objects, choices, strict=True)):
                        arguments = tuple(em.ObjectExp(o) for o in objects)
                        if self.simulator.is_applicable(state, one, arguments):
                            found.append(self.simulator.apply_unsafe(state, one, arguments))
        return found or [state]

    def is_goal(self, state) -> bool:
        return bool(self.simulator.is_goal(state))

    def says(self, state, expected: State) -> bool:
        """Whether the simulator's state gives every fluent the value that `expected` does."""
        em, vocabulary = self.problem.environment.expression_manager, self.universe.vocabulary
        objects = {self.names.objects[name]: name for name in self.universe.types}
        values = plain(expected)
        for fluent in self.problem.fluents:
            own = {pddl: name for name, pddl in self.names.predicates.items()}[fluent.name]
            counted = own in {counter.name for counter in vocabulary.counters}
            static = not counted and vocabulary.predicate(own).static
            for args in itertools.product(*(list(self.problem.objects(p.type)) for p in fluent.signature)):
                found = state.get_value(fluent(*(em.ObjectExp(o) for o in args))).constant_value()
                names = tuple(objects[o.name] for o in args)
                if counted:
                    wanted: Value = values.get((own, *names), 0)
                elif vocabulary.predicate(own).functional:
                    wanted = expected.value((own, *names[:-1])) == names[-1]
                else:
                    wanted = expected.value((own, *names)) is not None
                if found != wanted and not static:
                    return False
        return True


def agree(model: WorldModel, state: State, goal: Reach, actions: list[Action]) -> None:
    """The simulator and the model go through the same states."""
    simulated = Simulated(model, state, goal)
    now = simulated.start()
    assert simulated.says(now, state)
    for action in actions:
        if not keeps_promises(state):
            return
        expected = model.predict(state, action).state
        for found in simulated.after(now, action):
            assert simulated.says(found, expected), f"{action} in {state}: {found}, not {expected}\n{simulated.text}"
        state, now = expected, found
        assert simulated.is_goal(now) == Query(model.vocabulary, goal.parameters, goal.conditions).holds(state)


def keeps_promises(state: State) -> bool:
    """Whether no two fluents of an injective predicate share an object; rules may break that promise."""
    for predicate in state.universe.vocabulary.predicates:
        if predicate.injective:
            values = [state.value(fluent) for fluent in state.fluents(predicate.name)]
            named = [value for value in values if value not in state.universe.vocabulary.constant_types]
            if len(set(named)) < len(named):
                return False
    return True


@pytest.mark.parametrize("change", ["increase", "decrease", "assign"])
@pytest.mark.parametrize("number", [-20, -1, 0, 3, 20])
@pytest.mark.parametrize("counter", ["wool", "years"])
def test_counters_saturate_alike(change: str, number: int, counter: str) -> None:
    model = model_of(FARM, [("r", "bark", "", "", f"({change} ({counter}) {number})")])
    spec = FARM.counter(counter)
    for before in (None, spec.low, spec.low + 2, spec.high):
        state = farm() if before is None else farm(**{counter: before})
        agree(model, state, EVERY, [Action("bark")] * 3)


def test_a_rule_for_every_binding_is_one_action_and_counts_once() -> None:
    model = model_of(
        FARM,
        [
            ("r", "bark", "?s - animal ?p - place", "(at ?s ?p) (hungry ?s)", "(not (hungry ?s)) (increase (wool) 2)"),
            ("s", "bark", "?s - animal", "(not (hungry ?s)) (not (night))", "(decrease (wool) 1) (hungry ?s)"),
        ],
    )
    state = farm(at__dolly="barn", at__molly="field", hungry__dolly=True, hungry__molly=True)
    assert re.findall(r"\(:action (\S+)", domain_text(model, state)) == ["bark"]
    agree(model, state, EVERY, [Action("bark")] * 5)


def test_the_first_rule_wins_alike() -> None:
    calm, afraid = (
        (name, "shear", "?s - animal ?m - mood", "(mood-of ?s ?m)" + more, f"(not (mood-of ?s ?m)) (mood-of ?s {name})")
        for name, more in (("calm", " (hungry ?s)"), ("afraid", ""))
    )
    for laws in ((calm, afraid), (afraid, calm)):
        state = farm(mood_of__dolly="afraid", mood_of__molly="calm", hungry__dolly=True)
        agree(model_of(FARM, laws), state, EVERY, [Action("shear", (name,)) for name in ("dolly", "molly", "dolly")])


def test_the_last_effect_of_an_outcome_wins_alike() -> None:
    moods = "(not (mood-of ?a ?m)) (mood-of ?a calm) (not (mood-of ?b ?n)) (mood-of ?b afraid)"
    law = ("r", "pair", "?a - animal ?b - animal ?m - mood ?n - mood", "(mood-of ?a ?m) (mood-of ?b ?n)", moods)
    names = ("dolly", "molly", "dolly", "dolly")
    agree(
        model_of(FARM, [law]),
        farm(mood_of__dolly="calm", mood_of__molly="calm"),
        EVERY,
        [Action("pair", pair) for pair in itertools.pairwise(names)],
    )


def test_a_rule_beside_another_applies_only_to_things_of_its_type() -> None:
    laws = [
        ("r", "bark", "?x - animal", "(leader ?x)", "(hungry ?x)"),
        ("s", "bark", "?x - sheep", "(leader ?x)", "(increase (wool) 1)"),
    ]
    assert re.findall(r"\(:action (\S+)", domain_text(model_of(FARM, laws))) == ["r", "s"]
    for leader in ("molly", "dolly"):
        agree(model_of(FARM, laws), farm(leader=leader), EVERY, [Action("bark")])


def test_the_likeliest_outcome_is_exported_and_the_others_are_noted() -> None:
    law = ("r", "bark", "", "", "(0.25 (and)) (0.75 (and (night)))")
    text = domain_text(model_of(FARM, [law]))
    assert "; r: one of (0.25 (and)) (0.75 (and (night)))" in text
    agree(model_of(FARM, [law]), farm(), EVERY, [Action("bark")])
    rarely = ("r", "bark", "", "", "(0.75 (and)) (0.25 (and (night)))")
    assert ":action" not in domain_text(model_of(FARM, [rarely]))


def test_what_only_predict_can_decide_is_refused() -> None:
    anywhere = ("r", "shear", "?s - animal ?p - place ?q - place", "(at ?s ?p)", "(not (at ?s ?p)) (at ?s ?q)")
    with pytest.raises(Inexpressible, match="rule r"):
        domain_text(model_of(FARM, [anywhere]))
    both = ("r", "bark", "?s - place ?t - place", "", "(increase (grass ?s) 1) (decrease (grass ?t) 1)")
    with pytest.raises(Inexpressible, match="rule r"):
        domain_text(model_of(FARM, [both]))


@pytest.mark.parametrize(
    ("conditions", "effects", "needed"),
    [
        ("(night)", "(not (night))", ":strips :typing"),
        ("(not (night))", "(night)", ":strips :typing :negative-preconditions"),
        ("(= ?s dolly-sign)", "(night)", ":strips :typing :equality"),
        ("(>= (wool) 1)", "(night)", ":strips :typing :numeric-fluents"),
        ("", "(assign (wool) 1)", ":strips :typing :numeric-fluents"),
        ("", "(increase (wool) 1)", ":strips :typing :conditional-effects :numeric-fluents"),
        ("(exists (?t - animal) (and (hungry ?t)))", "(night)", ":strips :typing :existential-preconditions"),
        (
            "(not (exists (?t - animal) (and (hungry ?t))))",
            "(night)",
            ":strips :typing :disjunctive-preconditions :existential-preconditions",
        ),
    ],
)
def test_requirements_are_those_of_the_features_used(conditions: str, effects: str, needed: str) -> None:
    conditions = conditions.replace("(= ?s dolly-sign)", "(= ?s ?r)")
    law = ("r", "shear", "?s - animal", conditions, effects)
    if "?r" in conditions:
        law = ("r", "shear", "?s - animal ?r - animal", f"{conditions} (hungry ?r)", effects)
    assert re.findall(r":requirements (.*)\)", domain_text(model_of(FARM, [law]))) == [needed]


def test_a_goal_that_does_not_fit_is_refused() -> None:
    model = model_of(FARM, [("r", "bark", "", "", "(night)")])
    for text in ("(some (?x - object) (and (not (hungry ?x))))", "(some () (and (>= (wool) 2)))"):
        with pytest.raises(Inexpressible, match="the goal"):
            problem_text(model, farm(), reach(FARM, text))
    with pytest.raises(VocabularyProblem):
        problem_text(model, farm(), EVERY, "no name) (:goal (and))")


# Few words, so that rules often speak of the same things.
SHOP = vocabulary_of(
    parse_one("""(:vocabulary shop (:types (thing object)) (:constants (money thing))
    (:predicates (best thing :functional) (owner thing thing :functional :injective) (sold thing) (open))
    (:counters (price thing 0 3)) (:actions (sell)))""")
)

# -- random rules -----------------------------------------------------------------------------------------


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_random_models_agree_on_random_walks(data: st.DataObject) -> None:
    vocabulary = data.draw(st.one_of(vocabularies(), st.just(FARM), st.just(SHOP)))
    model = WorldModel(vocabulary, data.draw(models(vocabulary, 2, 4)).optimist().rules)
    state = data.draw(states(vocabulary))
    for number, type_ in enumerate(vocabulary.types):
        state.universe.add_object(f"some{number}", type_.name)  # every type has an object
    goal = data.draw(reaches(vocabulary))
    choices = [
        Action(signature.name, args)
        for signature in vocabulary.actions
        for args in itertools.product(*(state.universe.objects(type_)[-2:] for type_ in signature.types))
    ]
    walk = random.Random(data.draw(st.integers(0, 99))).choices(choices, k=4)
    try:
        problem_text(model, state, goal)
    except Inexpressible:
        goal = Reach((), ())
    try:
        domain_text(model, state)
    except Inexpressible:
        assume(False)
    agree(model, state, goal, walk)
