"""The batched simulator says of every state what `WorldModel` says of it, chance included."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.agent.laws import sliding, slippery, two_step, usual
from tests.envs.households import Notes, commands, playing
from tests.world_model.strategies import goals, models, states, vocabularies
from worldwright.envs.household.missions import read_task
from worldwright.envs.household.perceiver import HouseholdPerceiver
from worldwright.envs.learned.scenes import settled
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.survey import survey
from worldwright.envs.registry import make_env
from worldwright.world_model.errors import MatchLimit, SyntaxProblem, VocabularyProblem
from worldwright.world_model.goal import GoalTracker
from worldwright.world_model.language import ActionRule, LiftedAtom, Literal, Outcome
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.model_file import load_model, vocabulary_of
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.simulating import DONE, GoalFollower, Simulator, Streams, Unsimulatable
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.syntax import check_rule, parse_rule
from worldwright.world_model.vocabulary import Object, Variable

HOUSEHOLD = Path(__file__).parents[1] / "bench" / "household.ww"


class Drawing(random.Random):
    """Draws what a simulator's stream draws: nothing where there is one outcome only."""

    def __init__(self, seed: int) -> None:
        super().__init__(0)
        self._streams = Streams([seed])

    def random(self) -> float:
        return float(self._streams.draw(np.zeros(1, np.intp))[0])

    def choices(self, population, weights=None, *, cum_weights=None, k=1):
        return [population[0]] if len(population) == 1 else super().choices(population, weights)


def well_formed(model: WorldModel) -> bool:
    """Whether each rule is; of the random ones a few mistype what they delete and can never apply."""
    try:
        for rule in model.rules:
            check_rule(model.vocabulary, rule)
    except (SyntaxProblem, VocabularyProblem):
        return False
    return True


def require_agreement(model: WorldModel, simulator: Simulator, now: Sequence[State]) -> list[State]:
    """Every action in every state, as predicted and as drawn; the states that were predicted."""
    cases = [(state, number) for state in now for number in range(len(simulator.actions))]
    batch = simulator.layout.encode([state for state, _ in cases])
    actions = np.array([number for _, number in cases], np.intp)
    likely = simulator.predict(batch, actions)
    drawn = simulator.sample(batch, actions, Streams(range(len(cases))))
    found = []
    for row, (state, number) in enumerate(cases):
        action = simulator.actions[number]
        expected = model.predict(state, action).state
        assert simulator.layout.decode(likely, row) == expected
        assert simulator.layout.decode(drawn, row) == model.sample(state, action, Drawing(row)).state
        found.append(expected)
    return found


def walked(model: WorldModel, starts: Sequence[State], steps: int, copies: int = 24) -> int:
    """Walk at random from the starts, holding each step against the model; how many steps changed anything."""
    simulator, chance = Simulator(model, starts[0].universe), np.random.default_rng(0)
    now = [starts[i % len(starts)] for i in range(copies)]
    batch, streams, drawing = simulator.layout.encode(now), Streams(range(copies)), list(map(Drawing, range(copies)))
    changed = 0
    for _ in range(steps):
        numbers = chance.integers(len(simulator.actions), size=copies)
        likely, batch = simulator.predict(batch, numbers), simulator.sample(batch, numbers, streams)
        for i, number in enumerate(numbers.tolist()):
            action, before = simulator.actions[number], now[i]
            assert simulator.layout.decode(likely, i) == model.predict(before, action).state
            now[i] = model.sample(before, action, drawing[i]).state
            assert simulator.layout.decode(batch, i) == now[i]
            changed += now[i] != before
    return changed


# ---------------------------------------------------------------------- any model


@given(st.data())
def test_any_model_is_simulated_as_it_predicts_and_samples(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    model, state = data.draw(models(vocabulary, 1, 4)), data.draw(states(vocabulary))
    assume(well_formed(model))
    simulator = Simulator(model, state.universe)
    assert simulator.layout.decode(simulator.layout.encode([state]), 0) == state
    assume(simulator.actions)
    after = require_agreement(model, simulator, [state])
    require_agreement(model, simulator, [*{str(each): each for each in after}.values()][:10])


@given(st.data())
def test_any_goal_is_followed_as_the_tracker_follows_it(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    asked = data.draw(st.lists(goals(vocabulary), min_size=1, max_size=3))
    first = data.draw(states(vocabulary))
    model = data.draw(models(vocabulary, 1))
    assume(well_formed(model))
    simulator = Simulator(model, first.universe)
    assume(simulator.actions)
    trackers = [GoalTracker(vocabulary, goal) for goal in asked]
    follower = GoalFollower(simulator.layout, asked)
    stages, batch = follower.stages, simulator.layout.encode([first] * len(asked))
    for number in data.draw(st.lists(st.integers(0, len(simulator.actions) - 1), max_size=4)):
        stages = follower.update(stages, batch)
        for row, tracker in enumerate(trackers):
            assert follower.remaining(stages[row]) == tracker.update(simulator.layout.decode(batch, row))
            assert (stages[row] == DONE) == (tracker.remaining is None)
        batch = simulator.predict(batch, np.full(len(asked), number))


# ---------------------------------------------------------------------- worlds


def whole(level: str, seed: int) -> State:
    """All of a level at its start."""
    env = make_env(level)
    env.reset(seed=seed)
    views = survey(env)
    assert views is not None
    return settled(views, MiniGridPerceiver())


CASES = {
    "MiniGrid-DoorKey-8x8-v0": (usual, two_step, sliding, slippery),
    "MiniGrid-KeyCorridorS3R3-v0": (usual, slippery),
    "BabyAI-UnlockPickup-v0": (usual,),
}


@pytest.mark.parametrize(("level", "laws"), [(level, laws) for level, all_ in CASES.items() for laws in all_])
def test_levels_are_simulated_as_predicted_whatever_their_laws(level: str, laws) -> None:
    assert walked(laws(), [whole(level, 0)], steps=60, copies=6) > 100


def test_a_household_is_simulated_as_predicted() -> None:
    env = playing("generated:3:2")
    observation, info = env.reset(seed=0)
    perceiver = HouseholdPerceiver()
    notes = Notes(Universe(perceiver.vocabulary))
    known = [notes.add(perceiver.perceive(observation))]
    said = (env.step(command)[0] for command in commands(read_task(observation["mission"]), info["facts"]))
    known += [notes.add(perceiver.perceive(answer)) for answer in said]
    assert walked(load_model(HOUSEHOLD), known, steps=400) > 100


# ---------------------------------------------------------------------- chance and size


def test_a_stream_does_not_depend_on_those_beside_it() -> None:
    together, alone = Streams([7, 8, 9]), Streams([8])
    for drawn in ([0, 1, 1, 2], [1], [0, 2], [1, 1, 1]):
        which = np.array(drawn)
        assert together.draw(which)[which == 1].tolist() == alone.draw(np.zeros(drawn.count(1), np.intp)).tolist()


def test_streams_draw_evenly() -> None:
    drawn = Streams(range(1000)).draw(np.repeat(np.arange(1000), 100))
    counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
    assert abs(counts - 5000).max() < 400  # 5.8 standard deviations
    one, two = drawn.reshape(1000, 100)[:, :2].T
    assert abs(np.mean((one - 0.5) * (two - 0.5))) < 0.013  # of 1/12; 5 standard deviations


FIELD = vocabulary_of(
    parse_one("""(:vocabulary field (:types (sheep object))
      (:predicates (near sheep sheep) (lost sheep) (known sheep :static) (leads sheep sheep :functional :injective))
      (:counters (fear sheep 0 3)) (:actions (bark)))""")
)


def field(sheep: int) -> State:
    universe = Universe(FIELD)
    for number in range(sheep):
        universe.add_object(f"s{number}", "sheep")
    return State({}, universe)


def barks(parameters: str, precondition: str, effect: str) -> WorldModel:
    said = f":action bark :parameters ({parameters}) :precondition (and {precondition}) :outcomes ((1 {effect}))"
    return WorldModel(FIELD, (parse_rule(FIELD, f"(:rule r {said})"),))


def test_batches_of_more_bindings_than_are_held_at_once_are_simulated_in_parts() -> None:
    law = barks("?x ?y - sheep", "(not (near ?x ?y))", "(and (near ?x ?y))")
    empty = field(120)
    full = State({("near", f"s{i}", f"s{j}"): True for i in range(120) for j in range(120)}, empty.universe)
    simulator = Simulator(law, empty.universe)
    after = simulator.predict(simulator.layout.encode([empty, full] * 75), np.zeros(150, np.intp))
    assert all((after.tables["near"] == 1).all(axis=1))


def test_a_state_of_too_many_bindings_is_refused() -> None:
    law = barks("?x ?y ?z - sheep", "(not (near ?x ?y)) (not (near ?y ?z))", "(and (lost ?z))")
    simulator = Simulator(law, field(150).universe)
    with pytest.raises(MatchLimit):
        simulator.predict(simulator.layout.encode([State({}, simulator.layout.universe)]), np.zeros(1, np.intp))


# ---------------------------------------------------------------------- refusals


def test_what_does_not_fit_is_refused_and_never_simulated_otherwise() -> None:
    state = field(2)
    layout = Simulator(barks("?x - sheep", "", "(and (lost ?x))"), state.universe).layout
    wrong: tuple[dict[Fluent, Value], ...] = (
        {("lost", "s9"): True},
        {("lost", "s0", "s1"): True},
        {("lost", "s0"): "s1"},
        {("fear", "s0"): 4},
        {("fear", "s0"): True},
        {("known", "s0"): True},
        {("gone",): True},
    )
    for values in wrong:
        with pytest.raises(Unsimulatable):
            layout.encode([State(values, state.universe)])
    with pytest.raises(Unsimulatable, match="another universe"):
        layout.encode([field(3)])


def test_a_fact_that_may_change_is_not_taken_for_one_that_does_not() -> None:
    universe = field(2).universe
    universe.add_fact(("lost", "s0"))
    with pytest.raises(Unsimulatable, match="may change"):
        Simulator(WorldModel(FIELD), universe)


def test_worlds_beyond_all_bounds_are_refused_in_one_line() -> None:
    with pytest.raises(Unsimulatable, match="over the limit"):
        Simulator(WorldModel(FIELD), field(3000).universe)


def test_ill_formed_rules_and_foreign_models_are_refused() -> None:
    unbound = (Literal(LiftedAtom("lost", ("?y",))),)
    rule = ActionRule("r", "bark", (Variable("?x", "sheep"),), (), (Outcome(1.0, unbound),))
    with pytest.raises(VocabularyProblem):
        Simulator(WorldModel(FIELD, (rule,)), field(1).universe)
    with pytest.raises(Unsimulatable):
        Simulator(usual(), field(1).universe)


def test_an_action_is_found_by_name_or_refused() -> None:
    simulator = Simulator(WorldModel(FIELD), field(1).universe)
    assert simulator.actions[simulator.number(Action("bark"))] == Action("bark")
    with pytest.raises(VocabularyProblem):
        simulator.number(Action("bark", ("s0",)))
    with pytest.raises(ValueError, match="states"):
        simulator.predict(simulator.layout.encode([field(1)]), np.zeros(2, np.intp))


# ---------------------------------------------------------------------- where effects disagree

DISAGREEING = {
    "the first binding of a rule wins": (
        ("?x ?y - sheep", "(leads ?x ?x) (lost ?y)", "(and (not (leads ?x ?x)) (leads ?x ?y))"),
    ),
    "the first rule wins, and a deletion never": (
        ("?x - sheep", "(leads s1 ?x)", "(and (not (leads s1 ?x)))"),
        ("?x ?y - sheep", "(leads s1 ?x) (lost ?y)", "(and (not (leads s1 ?x)) (leads s1 ?y))"),
        ("?x - sheep", "(leads s1 ?x)", "(and (not (leads s1 ?x)) (leads s1 s0))"),
    ),
    "a relation that one rule deletes and another adds is true": (
        ("?x - sheep", "(lost ?x)", "(and (lost ?x) (not (near ?x ?x)))"),
        ("?x - sheep", "(lost ?x)", "(and (not (lost ?x)) (near ?x ?x))"),
    ),
    "a counter is changed from what it was before": (
        ("?x ?y - sheep", "(lost ?y)", "(and (increase (fear ?x) 1))"),
        ("?x - sheep", "(lost ?x)", "(and (assign (fear ?x) 0))"),
    ),
    "of several owners of one value the last is found": (
        ("?x ?y - sheep", "(lost ?y) (leads ?x ?y)", "(and (increase (fear ?x) 2))"),
    ),
}


@pytest.mark.parametrize("laws", DISAGREEING.values(), ids=DISAGREEING)
def test_where_effects_disagree_the_same_one_wins(laws: tuple[tuple[str, str, str], ...]) -> None:
    constants = tuple(Object(f"s{i}", "sheep") for i in (0, 1))
    vocabulary = replace(FIELD, constants=constants)
    said = (
        f"(:rule r :action bark :parameters ({parameters}) :precondition (and {conditions}) :outcomes ((1 {effects})))"
        for parameters, conditions, effects in laws
    )
    model = WorldModel(vocabulary, tuple(parse_rule(vocabulary, text) for text in said))
    universe = Universe(vocabulary)
    for name in ("s9", "s10", "s2", "s1", "s0"):
        universe.add_object(name, "sheep")
    chance = random.Random(0)
    now = []
    for _ in range(40):
        values: dict[Fluent, Value] = {("leads", name): chance.choice(["s1", "s9", name]) for name in universe.types}
        values |= {("lost", name): True for name in universe.types if chance.random() < 0.6}
        now.append(State(values, universe))
    assert require_agreement(model, Simulator(model, universe), now) != now
