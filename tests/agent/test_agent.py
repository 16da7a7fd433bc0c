"""The agent from end to end: from nothing to laws, and with the laws to the goal, the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent.laws import usual
from tests.agent.walking import walk
from tests.world_model.walks import law
from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.agent.events import Acted, Event, GoalProgressed
from worldwright.envs.minigrid.laws import ALTERED_ID
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.language import Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model
from worldwright.world_model.syntax import show_rule

ROOT = Path(__file__).parents[2]
SCHOOL = ("MiniGrid-DoorKey-6x6-v0", "MiniGrid-Unlock-v0")


@pytest.fixture(scope="session")
def learned() -> WorldModel:
    """What an agent that knew nothing has learned in 700 steps."""
    agent = Agent(seed=0)
    agent.learn(SCHOOL, 700, seed=0)
    return agent.model


# -- learning, then acting -------------------------------------------------------------------------------


def test_what_was_learned_in_two_small_levels_solves_larger_ones_never_seen(learned: WorldModel) -> None:
    results = list(Agent(learned).act("MiniGrid-DoorKey-8x8-v0", episodes=20, seed=10_000, freeze=True))
    assert [result.seed for result in results] == list(range(10_000, 10_020))
    assert [result.failure for result in results] == [""] * 20
    assert sum(result.steps for result in results) / 20 <= 40


def test_learned_laws_hold_in_levels_and_colours_never_seen(learned: WorldModel) -> None:
    """Judged on walks of an agent that knows the true laws, and so where it is."""
    tally: Counter[str] = Counter()
    for seed in range(4):
        for moment in walk("MiniGrid-DoorKey-8x8-v0", seed, 150, usual()):
            if moment.action is None:
                continue
            foretold = learned.predict(moment.before, moment.action).state
            seen = moment.sighting.state
            tally["all"] += 1
            tally["right"] += all(seen.values.get(fluent) == value for fluent, value in foretold.values.items())
    assert tally["all"] >= 500
    assert tally["right"] >= 0.98 * tally["all"]


def test_learned_laws_name_no_colour_no_direction_and_no_single_thing(learned: WorldModel) -> None:
    vocabulary = learned.vocabulary
    nominal = {name for name, type_ in vocabulary.constant_types.items() if type_ in vocabulary.nominal}
    for rule in learned.rules:
        words = set(show_rule(rule).replace("(", " ").replace(")", " ").split())
        variables = {variable.name for variable in rule.parameters}
        terms = {term for c in rule.preconditions if isinstance(c, Literal) for term in c.atom.args}
        assert not words & nominal
        assert terms <= variables | set(vocabulary.constant_types)


def test_a_learned_model_survives_its_file(learned: WorldModel, tmp_path: Path) -> None:
    Agent(learned).save(tmp_path / "model.ww")
    loaded = load_model(tmp_path / "model.ww")
    assert (loaded.rules, loaded.hypotheses, loaded.steps) == (learned.rules, learned.hypotheses, learned.steps)
    agent = Agent.load(tmp_path / "model.ww")
    (result,) = agent.act("MiniGrid-DoorKey-8x8-v0", seed=77, freeze=True)
    assert agent.model.vocabulary is VOCABULARY  # the world's own: goals are compiled for one vocabulary at a time
    assert result.success


def test_an_agent_without_a_model_or_a_world_says_so() -> None:
    with pytest.raises(WorldwrightError, match="no model"):
        _ = Agent().model
    with pytest.raises(WorldwrightError, match="no environment"):
        _ = Agent().mind


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4, 9, 10])
def test_an_agent_is_sure_of_the_step_that_ends_the_level(seed: int) -> None:
    """In a corner little is in view; what the action did before tells what it did now."""
    agent = Agent(seed=seed)
    agent.learn(SCHOOL, 700, seed=100 * seed)
    assert agent.mind.learner is not None
    last = [t for t in agent.mind.learner.buffer if t.action.name == "forward" and t.after.value(("won",))]
    assert any(transition.certain for transition in last)
    results = list(Agent(agent.model).act("MiniGrid-DoorKey-8x8-v0", episodes=5, seed=10_000, freeze=True))
    assert max(result.steps for result in results) <= 60


@pytest.mark.slow
@pytest.mark.parametrize("other", ["other-key", "swapped-turns", "two-step", "done-drops", "slippery"])
def test_other_laws_are_learned_by_the_same_agent(other: str) -> None:
    agent = Agent(seed=0)
    agent.learn([ALTERED_ID], 1000, seed=0, keywords={"law": other, "env_id": SCHOOL[0]})
    agent.learn([ALTERED_ID], 600, seed=500, keywords={"law": other, "env_id": SCHOOL[1]})
    keywords = {"law": other, "env_id": "MiniGrid-DoorKey-8x8-v0"}
    results = list(agent.act(ALTERED_ID, episodes=20, seed=10_000, freeze=True, keywords=keywords))
    assert sum(result.success for result in results) >= 19


def test_a_door_that_was_open_before_its_turn_is_shut_and_opened_again() -> None:
    """Looking for the ball the agent opens the door that is to be opened only once the ball is in its hands."""
    told: list[Event] = []
    (result,) = Agent(usual()).act("BabyAI-BossLevel-v0", 1, 2_000_013, freeze=True, tell=told.append)
    assert result.success and result.steps < 100
    assert any(isinstance(event, GoalProgressed) and not event.remaining for event in told[:-5])  # that was not enough


def test_a_goal_reached_with_a_thing_that_was_not_meant_is_reached_with_another() -> None:
    """The key that the mission means was there at first; the one that the agent made of a ball does not count."""
    ahead = "(agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x)"
    toggles = [
        law(f"toggle-{kind}", "?a - cell ?d - direction ?f - cell ?x - thing", f"{ahead} (kind ?x {kind})", change)
        for kind, change in (
            ("ball", "((1 (and (not (kind ?x ball)) (kind ?x key))))"),
            ("box", "((1 (and (not (on ?f ?x)) (on ?f nothing))))"),
        )
    ]
    model = usual()
    agent = Agent(replace(model, rules=(*model.rules, *toggles)))
    keywords = {"law": "ball-to-key", "env_id": "BabyAI-PutNextLocal-v0"}
    told: list[Event] = []
    (result,) = agent.act(ALTERED_ID, 1, 1_000_022, freeze=True, keywords=keywords, tell=told.append)
    assert result.success
    assert any(isinstance(event, GoalProgressed) and not event.remaining for event in told[:-20])  # reached in vain


# -- determinism -----------------------------------------------------------------------------------------

PLAY = """
import sys
from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.agent.events import Acted, Event

def tell(event: Event) -> None:
    print(event.model_dump_json(exclude={"cpu_s"}))

agent = Agent(seed=int(sys.argv[1]))
agent.learn(["MiniGrid-Empty-5x5-v0", "BabyAI-GoToLocal-v0"], 200, seed=int(sys.argv[2]), tell=tell)
for result in agent.act("MiniGrid-DoorKey-5x5-v0", episodes=2, seed=50, max_steps=20, tell=tell):
    print(result.success, result.steps, result.failure)
agent.save(sys.argv[3])
"""


def play_elsewhere(folder: Path, hashes: str, seeds: Sequence[int] = (1, 2)) -> tuple[str, str]:
    """What a process with another hash seed tells of the same episodes, and the model that it saves."""
    model = folder / f"{hashes}-{seeds[0]}.ww"
    told = subprocess.run(
        [sys.executable, "-c", PLAY, *map(str, seeds), str(model)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashes},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout, model.read_text(encoding="utf-8")


def test_the_same_seeds_give_the_same_episodes_in_every_process(tmp_path: Path) -> None:
    one, other = (play_elsewhere(tmp_path, hashes) for hashes in ("0", "4711"))
    assert one[0].splitlines() == other[0].splitlines()
    assert one[1] == other[1]
    assert '"kind":"revised"' in one[0]


def test_two_agents_with_the_same_seed_choose_the_same_and_with_another_seed_not() -> None:
    def choices(seed: int) -> list[str]:
        told: list[Event] = []
        Agent(seed=seed, config=AgentConfig(explorer="random")).learn(["MiniGrid-Empty-8x8-v0"], 60, tell=told.append)
        return [event.action for event in told if isinstance(event, Acted)]

    assert choices(1) == choices(1) != choices(2)
