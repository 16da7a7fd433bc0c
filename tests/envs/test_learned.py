"""A learned world is a gymnasium environment, alone or many at once, that does what its model says."""

from __future__ import annotations

import copy
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.agent.laws import slippery, usual
from tests.world_model.walks import walk
from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.envs.learned import LEARNED_ID, register_learned
from worldwright.envs.learned.env import LearnedEnv
from worldwright.envs.learned.scenes import settled
from worldwright.envs.learned.vector import LearnedVectorEnv
from worldwright.envs.minigrid.perceiver import MiniGridPerceiver
from worldwright.envs.minigrid.survey import survey
from worldwright.envs.registry import UnusableEnvironment, make_env
from worldwright.planning.engines import engine_named
from worldwright.planning.problem import Limits, PlanningProblem
from worldwright.world_model.errors import MAX_MESSAGE, WorldwrightError
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.goal import Reach
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.model_file import save_model
from worldwright.world_model.state import State
from worldwright.world_model.vocabulary import GOAL_HOLDS

DOORKEY = "MiniGrid-DoorKey-6x6-v0"
HOUSEHOLD = Path(__file__).parents[1] / "bench" / "household.ww"


def flat(observation: Any) -> list[Any]:
    """Everything that an observation says."""
    facts = observation["facts"]
    return [*(np.asarray(facts[name]).tolist() for name in sorted(facts)), np.asarray(observation["goal"]).tolist()]


def numbers(env: LearnedEnv, *names: str) -> list[np.int64]:
    return [np.int64(env.worlds.simulator.number(Action(name))) for name in names]


def way(env: LearnedEnv, model: WorldModel) -> list[np.int64]:
    """A plan for what is asked."""
    (goal,) = env.worlds.goals
    assert isinstance(goal, Reach)
    plan = engine_named("fast-downward").solve(PlanningProblem(model, env.state, (goal,)), Limits(cpu_seconds=30)).plan
    assert plan is not None
    return numbers(env, *(step.action.name for step in plan.steps))


# ---------------------------------------------------------------------- alone


@pytest.mark.parametrize(
    ("model", "start", "keywords"),
    [
        (usual(), DOORKEY, {}),
        (slippery(), "MiniGrid-KeyCorridorS3R3-v0", {"scenes": 3}),
        (usual(), "BabyAI-GoToSeq-v0", {"whole": False}),
        (HOUSEHOLD, HOUSEHOLD_ID, {"start_keywords": {"games": "generated:5:1"}}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*Casting input x to numpy array")
def test_learned_worlds_pass_gymnasiums_check(model: Any, start: str, keywords: dict[str, Any]) -> None:
    env = gym.make(LEARNED_ID, model=model, start=start, render_mode="ansi", **keywords)
    check_env(env.unwrapped)
    _, info = env.reset(seed=0)
    assert str(env.render()).startswith(f"; {info['mission']}\n(")


@pytest.mark.parametrize("level", [DOORKEY, "MiniGrid-KeyCorridorS3R1-v0", "BabyAI-UnlockPickup-v0"])
def test_under_the_true_laws_it_is_the_world_itself(level: str) -> None:
    real = make_env(level)
    real.reset(seed=3)
    learned = LearnedEnv(usual(), level, scene_seed=3)
    learned.reset(seed=0)
    chance = np.random.default_rng(0)
    for _ in range(150):
        action = np.int64(chance.choice([0, 1, 2, 2, 2, 3, 4, 5]))
        _, reward, terminated, _, _ = real.step(action)
        _, *learned_end = learned.step(action)
        assert learned_end[:2] == [float(float(reward) > 0), terminated]
        views = survey(real)
        assert views is not None
        assert looks(learned.state) == looks(settled(views, MiniGridPerceiver()))
        if terminated:
            break


def looks(state: State) -> set[tuple[object, ...]]:
    """What stands where, whatever it is called; not what is under the agent, which MiniGrid hides."""

    def look(thing: object) -> tuple[object, ...]:
        return tuple(state.values.get((word, str(thing))) for word in ("kind", "color", "state"))

    here = state.values["agent-at",]
    found: set[tuple[object, ...]] = {(f, look(v)) for f, v in state.values.items() if f[0] == "on" and f[1] != here}
    return found | {here, ("faces", state.values["facing",]), ("holds", *look(state.values["holding",]))}  # type: ignore[arg-type]


def test_reaching_the_goal_is_rewarded_and_ends_the_episode() -> None:
    model = usual()
    env = gym.make(LEARNED_ID, model=model, start=DOORKEY)
    learned = env.unwrapped
    assert isinstance(learned, LearnedEnv)
    _, info = env.reset(seed=0)
    assert "key" in info["mission"]
    *before, last = way(learned, model)
    for action in before:
        assert env.step(action)[1:4] == (0.0, False, False)
        assert learned.state.value((GOAL_HOLDS,)) is None
    assert env.step(last)[1:4] == (1.0, True, False)
    assert learned.state.value((GOAL_HOLDS,)) is True


def test_an_episode_is_truncated_after_the_steps_allowed() -> None:
    env = gym.make(LEARNED_ID, model=usual(), start=DOORKEY, max_episode_steps=3)
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(3)] == [False, False, True]


def test_its_numbers_are_the_states_own() -> None:
    env = LearnedEnv(usual(), DOORKEY)
    observation, _ = env.reset(seed=0)
    cells, things = env.worlds.objects("cell"), env.worlds.objects("thing")
    assert cells[observation["facts"]["agent-at"]] == env.state.value(("agent-at",))
    on = {cells[i]: things[n] for i, n in enumerate(observation["facts"]["on"].tolist()) if n >= 0}
    assert on == {fluent[1]: value for fluent, value in env.state.values.items() if fluent[0] == "on"}


def test_a_goal_of_ones_own_takes_the_missions_place() -> None:
    env = LearnedEnv(usual(), DOORKEY, goal="(some (?x - thing) (and (kind ?x key) (holding ?x)))")
    env.reset(seed=0)
    rewards = [env.step(action)[1] for action in way(env, usual())]
    assert rewards[-1] == 1.0 and sum(rewards) == 1.0


def test_a_goal_that_holds_already_is_reached_by_the_first_step() -> None:
    env = LearnedEnv(usual(), DOORKEY, goal="(some () (and (holding nothing)))")
    env.reset(seed=0)
    assert env.step(np.int64(0))[1:3] == (1.0, True)


def test_what_is_not_in_view_is_not_there_to_begin_with() -> None:
    env = LearnedEnv(usual(), DOORKEY, whole=False)
    env.reset(seed=0)
    whole = LearnedEnv(usual(), DOORKEY)
    whole.reset(seed=0)
    assert 0 < len(env.state.values) < len(whole.state.values)


def test_it_begins_with_recorded_states(tmp_path: Path) -> None:
    episodes = [walk(DOORKEY, seed, steps=20, episode=seed) for seed in range(3)]
    buffer = ExperienceBuffer(MiniGridPerceiver().vocabulary)
    for transition in (t for episode in episodes for t in episode):
        buffer.append(transition)
    buffer.save(tmp_path / "experience.jsonl")
    env = LearnedEnv(usual(), tmp_path / "experience.jsonl", scenes=10)
    seen = set()
    for seed in range(20):
        env.reset(seed=seed)
        seen.add(env.state)
    assert seen == {episode[0].before for episode in episodes}


# ---------------------------------------------------------------------- many at once


def pair(number: int, mode: AutoresetMode, **keywords: Any) -> tuple[SyncVectorEnv, gym.vector.VectorEnv]:
    """As many environments one by one and at once."""
    made: dict[str, Any] = {"model": slippery(), "start": DOORKEY, "scenes": 4, "max_episode_steps": 15, **keywords}
    one_by_one = SyncVectorEnv([lambda: gym.make(LEARNED_ID, **made)] * number, autoreset_mode=mode)
    return one_by_one, gym.make_vec(LEARNED_ID, num_envs=number, autoreset_mode=mode, **made)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_many_at_once_do_what_each_does_alone(mode: AutoresetMode) -> None:
    alone, at_once = pair(6, mode, goal="(some (?x - thing) (and (kind ?x key) (holding ?x)))")
    assert at_once.observation_space == alone.observation_space and at_once.action_space == alone.action_space
    (expected, info), (found, own) = alone.reset(seed=5), at_once.reset(seed=5)
    require_same(expected, found, info, own)
    chance, rewards, ends = np.random.default_rng(0), 0.0, 0
    for _ in range(60):
        actions = chance.choice([0, 1, 2, 2, 3], size=6)
        expected, *results, info = alone.step(actions)
        found, *own_results, own = at_once.step(actions)
        require_same(expected, found, info, own)
        for result, own_result in zip(results, own_results, strict=True):
            assert result.tolist() == own_result.tolist()
        rewards, ends = rewards + results[0].sum(), ends + results[1].sum() + results[2].sum()
    assert rewards > 0 and ends > 12


def require_same(expected: Any, found: Any, info: dict[str, Any], own: dict[str, Any]) -> None:
    assert flat(expected) == flat(found)
    assert info.keys() == own.keys()
    for key in info:
        if key == "final_obs":
            assert [o and flat(o) for o in info[key]] == [o and flat(o) for o in own[key]]
        elif key != "final_info":
            assert np.asarray(info[key]).tolist() == np.asarray(own[key]).tolist()


def test_some_can_be_reset_by_themselves() -> None:
    envs = gym.make_vec(LEARNED_ID, num_envs=3, model=usual(), start=DOORKEY, max_episode_steps=2,
                        autoreset_mode=AutoresetMode.DISABLED)  # fmt: skip
    first, _ = envs.reset(seed=0)
    turned, _, _, _, _ = envs.step(np.zeros(3, np.int64))
    again, info = envs.reset(options={"reset_mask": np.array([True, False, False])})
    facing = [each["facts"]["facing"].tolist() for each in (first, turned, again)]
    assert facing[2] == [facing[0][0], facing[1][1], facing[1][2]]
    assert info["_mission"].tolist() == [True, False, False]
    assert envs.step(np.zeros(3, np.int64))[3].tolist() == [False, True, True]
    with pytest.raises(ValueError, match="reset_mask"):
        envs.step(np.zeros(3, np.int64))


def test_observations_are_the_callers_own() -> None:
    envs = gym.make_vec(LEARNED_ID, num_envs=2, model=usual(), start=DOORKEY)
    observation, _ = envs.reset(seed=0)
    kept = copy.deepcopy(observation)
    for table in observation["facts"].values():
        table[...] = 0
    assert flat(envs.reset(seed=0)[0]) == flat(kept)


def test_what_is_no_action_is_refused() -> None:
    env = LearnedEnv(usual(), DOORKEY)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="no action"):
        env.step(np.int64(7))
    envs = LearnedVectorEnv(2, usual(), DOORKEY)
    envs.reset(seed=0)
    for wrong in ([0], [0, 7], [-1, 0]):
        with pytest.raises(ValueError, match="actions"):
            envs.step(np.array(wrong))
    with pytest.raises(ValueError, match="seeds"):
        envs.reset(seed=[1])


# ---------------------------------------------------------------------- the same again

PLAY = """
import sys, numpy as np, gymnasium
from tests.envs.test_learned import DOORKEY, LEARNED_ID, digest
print(digest())
"""


def digest() -> str:
    """What a seeded run of many environments saw."""
    envs = gym.make_vec(LEARNED_ID, num_envs=20, model=slippery(), start=DOORKEY, scenes=5, max_episode_steps=9)
    envs.action_space.seed(1)
    seen = hashlib.sha256(repr(flat(envs.reset(seed=11)[0])).encode())
    for _ in range(30):
        seen.update(repr(flat(envs.step(envs.action_space.sample())[0])).encode())
    return seen.hexdigest()


def test_a_seed_gives_the_same_in_every_process() -> None:
    found = set()
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, "-c", PLAY], cwd=root, env=environment, capture_output=True, text=True, check=True
        )
        found.add(done.stdout.strip())
    assert found == {digest()}


# ---------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"model": "gone.ww"}, "gone.ww: no such file"),
        ({"model": "broken.ww"}, "broken.ww"),
        ({"model": str(HOUSEHOLD)}, "the model speaks of 'household'"),
        ({"start": "MiniGrid-DoorKey-7x7-v0"}, "no environment is registered"),
        ({"start": "gone.jsonl"}, "gone.jsonl: no such file"),
        ({"start": "broken.ww"}, "broken.ww"),
        ({"start": "empty.jsonl"}, "no transition"),
        ({"start": "CartPole-v1"}, "no perceiver"),
        ({"goal": "(some (?x - thing) (and (eats ?x)))"}, "eats"),
        ({"goal": "win"}, "expected"),
        ({"scenes": 0}, "at least one"),
        ({"start": "BabyAI-GoToObjMaze-v0", "scenes": 4, "start_keywords": {"room_size": 2}}, "room_size"),
        ({"start": "MiniGrid-MemoryS7-v0", "scenes": 9}, "scenes=1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    keywords: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(usual(), Path("model.ww"))
    ExperienceBuffer(usual().vocabulary).save(Path("empty.jsonl"))
    Path("broken.ww").write_text("(:world-model 1 :steps\n")
    made = {"model": "model.ww", "start": DOORKEY, **keywords}
    with pytest.raises(WorldwrightError) as problem:
        gym.make_vec(LEARNED_ID, num_envs=2, **made)
    message = str(problem.value)
    assert says in message and message.isprintable() and len(message) <= MAX_MESSAGE
    with pytest.raises(UnusableEnvironment, match=LEARNED_ID):
        make_env(LEARNED_ID, **made)


def test_registering_again_changes_nothing() -> None:
    before = gym.registry[LEARNED_ID]
    register_learned()
    assert gym.registry[LEARNED_ID] is before
