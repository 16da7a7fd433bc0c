"""What `worldwright explain` says of the steps of runs, held against what is on file of them."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.experiments.command import world, worldwright
from tests.experiments.telling import model_options
from worldwright.agent.belief import Belief
from worldwright.agent.events import Acted, Believed, Event, Intended, Surprised
from worldwright.envs.household.env import HOUSEHOLD_ID
from worldwright.experiments.alternatives import Why, WhyNot, other_actions
from worldwright.experiments.cli import app
from worldwright.experiments.event_log import HEADER, read_events
from worldwright.experiments.explaining import explain_step, fluent_of
from worldwright.experiments.explanation import Cause, Role, StepExplanation, lines_of
from worldwright.experiments.run_record import RunRecord
from worldwright.world_model.chat.scripted_server import Play, Received, says
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.goal import Reach, goal_of
from worldwright.world_model.language import Condition, Literal
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import State
from worldwright.world_model.syntax import condition_of

ROOT = Path(__file__).parents[2]
DOOR = "MiniGrid-DoorKey-5x5-v0"
Steps = list[StepExplanation]


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def places(run: RunRecord) -> Iterator[tuple[int, int]]:
    """Every step in which something was done."""
    for episode, events in run.events.items():
        yield from ((episode, event.step) for event in events if isinstance(event, Acted))


def explained(run: RunRecord) -> Steps:
    return [explain_step(run, *place) for place in places(run)]


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in households by a model that was learned before."""
    folder = tmp_path_factory.mktemp("household") / "run"
    known = ROOT / "tests" / "bench" / "household.ww"
    words = ("run", HOUSEHOLD_ID, "--model", known, "--episodes", 3, "--out", folder)
    done = worldwright(*words, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module", params=["finished", "household"])
def run(request: pytest.FixtureRequest) -> RunRecord:
    folder: Path = request.getfixturevalue(request.param)
    return RunRecord.load(folder)


@pytest.fixture(scope="module")
def steps(run: RunRecord) -> Steps:
    return explained(run)


def event_at(run: RunRecord, said: StepExplanation) -> Acted:
    (event,) = [e for e in run.events[said.episode] if isinstance(e, Acted) and e.step == said.step]
    return event


def hoped(run: RunRecord, said: StepExplanation) -> State:
    """What is believed before a step, with what is unknown as is usual."""
    return Belief.of(run.by_place[said.episode, said.step].before).optimistic()


def is_true(condition: str, state: State) -> bool:
    """Whether a condition, of which some variables may be left, holds in a state."""
    parsed = condition_of(parse_one(condition))
    free = dict.fromkeys(re.findall(r"\?[a-z0-9_-]+", condition))
    if not free:
        return Query(state.universe.vocabulary, (), (parsed,)).holds(state)
    assert isinstance(parsed, Literal)
    names = [name for name in state.universe.types if not name.startswith("?")]
    return _some(parsed, list(free), names, state)


def _some(literal: Literal, free: list[str], names: list[str], state: State) -> bool:
    if not free:
        return Query(state.universe.vocabulary, (), (literal,)).holds(state)
    texts = (str(literal).replace(free[0], name) for name in names)
    literals = (condition_of(parse_one(text)) for text in texts)
    return any(_some(each, free[1:], names, state) for each in literals if isinstance(each, Literal))


# -- every step of real runs -------------------------------------------------------------------------------------------


def test_the_action_that_was_done_is_named_and_what_came_of_it(run: RunRecord, steps: Steps) -> None:
    for said in steps:
        assert str(said.action) == event_at(run, said).action
        transition = run.by_place[said.episode, said.step]
        assert said.observed is not None
        assert {fluent_of(text): value for text, value in said.observed.items()} == transition.change()
        surprises = [e for e in run.events[said.episode] if isinstance(e, Surprised) and e.step == said.step + 1]
        assert bool(said.surprise) == bool(surprises)
        assert not said.gaps


def test_what_was_believed_then_foretells_what_the_log_says_was_foretold(run: RunRecord, steps: Steps) -> None:
    for said in steps:
        model = run.step(said.episode, said.step).model
        prediction = model.predict(run.by_place[said.episode, said.step].before, said.action)
        assert {fluent_of(text): value for text, value in said.foretold.items()} == prediction.change
        assert tuple(firing.rule.name for firing in prediction.firings) == event_at(run, said).rules


def test_the_present_step_of_the_plan_is_what_was_done(steps: Steps) -> None:
    for said in steps:
        assert said.plan is not None
        assert said.plan.plan.actions[said.step - said.plan.made_at] == said.action
        assert (said.plan.before is None) == (said.plan.cause is Cause.FIRST) == (said.plan.made_at == 0)
        assert bool(said.plan.surprise) == (said.plan.cause is Cause.SURPRISE)


def test_the_rules_that_are_counted_on_apply_and_foretell_something(run: RunRecord, steps: Steps) -> None:
    counted = [(said, reason) for said in steps for reason in said.reasons if reason.role is Role.COUNTED_ON]
    assert len(counted) > 10
    for said, reason in counted:
        assert said.plan is not None and not (
            said.plan.trial and said.step - said.plan.made_at + 1 == len(said.plan.plan)
        )
        assert reason.rule.action == said.action.name and reason.firings
        assert reason.rule.name in said.plan.plan.steps[said.step - said.plan.made_at].rules
        for firing in reason.firings:
            query = Query(run.vocabulary, reason.rule.parameters, reason.rule.preconditions)
            state = _assumed(said, hoped(run, said))
            assert all(query.test(condition, state, firing.binding) for condition in reason.rule.preconditions)
        assert any(outcome.effects for outcome in reason.rule.outcomes)


def _assumed(said: StepExplanation, state: State) -> State:
    if said.plan is None or said.step != said.plan.made_at:
        return state
    return state.with_change({fluent_of(text): value for text, value in said.plan.hopes.items()})


def test_what_bears_a_rule_out_happened_before_and_as_it_says(run: RunRecord, steps: Steps) -> None:
    for said in steps[:: max(1, len(steps) // 40)]:
        for reason in said.reasons:
            for place in reason.borne_out:
                assert place < (said.episode, said.step)
                transition = run.by_place[place]
                assert transition.action.name == reason.rule.action and transition.certain
                assert WorldModel(run.vocabulary, (reason.rule,)).applies(
                    reason.rule, transition.before, transition.action
                )


def test_causal_links_hold(run: RunRecord, steps: Steps) -> None:
    """What is linked is not so before the step, is so after it by the laws, and is asked for where it is said to be."""
    linked = [(said, link) for said in steps for link in said.links]
    assert len(linked) > 10
    for said, link in linked:
        assert said.plan is not None
        before = _assumed(said, hoped(run, said))
        laws = run.step(said.episode, said.plan.made_at).model.optimist().hopeful
        after = laws.predict(before, said.action).state
        assert not is_true(link.condition, before) and is_true(link.condition, after)
        if link.step is None:
            goal = goal_of(parse_one(said.plan.goal))
            assert isinstance(goal, Reach) and any(is_instance(link.condition, c) for c in goal.conditions)
        else:
            assert said.plan.plan.actions[link.step - said.plan.made_at] == link.action
            rules = [rule for rule in laws.rules if rule.name == link.rule]
            assert any(is_instance(link.condition, c) for rule in rules for c in rule.preconditions)


def is_instance(said: str, condition: Condition) -> bool:
    """Whether a condition is what a rule or goal asks for, of certain things."""
    pairs = list(zip(words(said), words(str(condition)), strict=False))
    return len(words(said)) == len(words(str(condition))) and all(
        one == other or other[0] == "?" for one, other in pairs
    )


def words(text: str) -> list[str]:
    return re.findall(r"[^() ]+", text)


def test_nearly_every_step_of_a_plan_serves_something(steps: Steps) -> None:
    """But for the trial itself, and what leads to a trial that needs nothing in particular."""
    plain = [said for said in steps if said.plan and said.plan.goal and not said.plan.trial]
    assert plain and all(said.links for said in plain)


def test_what_fails_fails_and_what_would_change_something_would(run: RunRecord, steps: Steps) -> None:
    seen = set()
    for said in steps:
        state, model = hoped(run, said), run.step(said.episode, said.step).model.hopeful
        for each in said.others:
            seen.add(each.why)
            check_objection(each, model, state)
    assert {Why.FAILS, Why.UNKNOWN, Why.SPOILS} <= seen


def check_objection(each: WhyNot, model: WorldModel, state: State) -> None:
    for action in (each.action, *each.others):
        prediction = model.predict(state, action)
        if each.why is Why.FAILS:
            (rule, *_) = [rule for rule in model.rules_for(action.name) if rule.name == each.rule]
            assert not model.applies(rule, state, action)
        assert bool(prediction.change) == (each.why not in (Why.FAILS, Why.UNKNOWN, Why.IDLE))
        assert bool(model.rules_for(action.name)) == (each.why is not Why.UNKNOWN)
    if each.why is Why.FAILS:
        assert each.missing and not is_true(each.missing, state), (each.missing, str(each.action))
    if each.change:
        change = model.predict(state, each.action).change
        assert {fluent_of(text): value for text, value in each.change} == change


def test_every_other_action_is_accounted_for_once(run: RunRecord, steps: Steps) -> None:
    for said in steps:
        named = [action for each in said.others for action in (each.action, *each.others)]
        assert sorted(named) == sorted(other_actions(hoped(run, said), said.action))
        assert len(list(lines_of(said))) <= 70


def test_what_would_spoil_the_plan_spoils_it(run: RunRecord, steps: Steps) -> None:
    """Whatever is said to go wrong after another action goes wrong when the rest of the plan is played out."""
    spoiling = [(said, each) for said in steps for each in said.others if each.why is Why.SPOILS]
    for said, each in spoiling:
        assert said.plan is not None and each.fault is not None
        laws = run.step(said.episode, said.plan.made_at).model
        model = (laws if _needs_no_hypothesis(said, laws) else laws.optimist()).hopeful
        state = model.predict(hoped(run, said), each.action).state
        last = len(said.plan.plan) + said.plan.made_at - said.plan.trial
        for number in range(said.step, each.fault.step if each.fault.step is not None else last):
            state = model.predict(state, said.plan.plan.actions[number - said.plan.made_at]).state
        if each.fault.step is not None:
            assert each.fault.action is not None and not model.predict(state, each.fault.action).change
        assert not each.fault.missing or not is_true(each.fault.missing, state)


def _needs_no_hypothesis(said: StepExplanation, model: WorldModel) -> bool:
    known = {rule.name for rule in model.rules}
    return said.plan is not None and all(name in known for step in said.plan.plan.steps for name in step.rules)


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_prints_what_the_library_says(finished: Path, household: Path) -> None:
    for folder in (finished, household):
        record = RunRecord.load(folder)
        for episode, step in list(places(record))[::60]:
            done = invoke("explain", folder, "--episode", episode, "--step", step)
            assert done.exit_code == 0, done.stderr
            assert done.stdout.splitlines() == list(lines_of(explain_step(record, episode, step)))


def test_one_action_is_asked_about(finished: Path, household: Path) -> None:
    turned = next(s for s in explained(RunRecord.load(finished)) if s.action == Action("left") and s.episode)
    place = ("--episode", turned.episode, "--step", turned.step)
    (line, *_) = [
        x for x in invoke("explain", finished, *place, "--action", "toggle").stdout.splitlines() if x[:4] == "not "
    ]
    assert line.startswith("not (toggle): toggle-") and line.endswith("does not hold")
    same = invoke("explain", finished, *place, "--action", "left").stdout
    assert "because left-facing" in same and "\nnot " not in same
    lines = invoke("explain", household, "--action", "open fridge-1", "--episode", 2).stdout
    assert "not (open fridge-1): open-door-open-is-known: (door fridge-1 closed) does not hold" in lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--step", "9999"], "has the steps 0 to "),
        (["--episode", "9999"], "no episode 9999; it has those from 0 to "),
        (["--action", "fly"], "known: done, drop, forward"),
        (["--action", "left now"], "left now"),
        (["--action", "(left"], "worldwright: "),
    ],
)
def test_what_was_not_recorded_is_refused(words: list[str], said: str, finished: Path) -> None:
    done = invoke("explain", finished, *words)
    assert done.exit_code == 1
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_a_damaged_folder_is_refused_in_one_line(finished: Path, household: Path, tmp_path: Path) -> None:
    def broken(name: str, text: bytes | None) -> str:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(finished, tmp_path / "run")
        (tmp_path / "run" / name).unlink() if text is None else (tmp_path / "run" / name).write_bytes(text)
        done = invoke("explain", tmp_path / "run", "--episode", 1)
        assert done.exit_code == 1 and done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    assert "manifest.json" in broken("manifest.json", None)
    assert "events.jsonl: line 2" in broken("events.jsonl", HEADER + b"{}\n")
    assert "events.jsonl" in broken("events.jsonl", None)
    assert "experience" in broken("experience.jsonl", b"no experience\n")
    assert "model.ww" in broken("model.ww", b"(:nonsense")
    assert "vocabulary" in broken("model.ww", (household / "model.ww").read_bytes()).lower()
    lines = (finished / "events.jsonl").read_bytes()
    assert "events.jsonl: episode 1 step 0: " in broken("events.jsonl", lines.replace(b"(:rule left", b"(:roole left"))


def test_a_tampered_log_gives_an_explanation_or_one_clear_error(household: Path, tmp_path: Path) -> None:
    shutil.copytree(household, tmp_path / "run")
    events = [json.loads(line) for line in (household / "events.jsonl").read_text().splitlines()[1:]]
    kinds = ("intended", "believed", "acted")
    rng = random.Random(5)
    refused = 0
    for _ in range(12):
        changed = json.loads(json.dumps(events))
        for event in (logged["event"] for logged in changed):
            if event["kind"] in kinds and rng.random() < 0.2:
                spoil(event, rng)
        lines = "".join(json.dumps(event) + "\n" for event in changed)
        (tmp_path / "run" / "events.jsonl").write_bytes(HEADER + lines.encode())
        try:
            run = RunRecord.load(tmp_path / "run")
            for episode, step in list(places(run))[::5]:
                assert list(lines_of(explain_step(run, episode, step)))
        except WorldwrightError as error:
            assert "events.jsonl" in str(error)
            refused += 1
    assert refused


def spoil(event: dict[str, Any], rng: random.Random) -> None:
    """Put nonsense of the right type into an event."""
    key = rng.choice([key for key in event if key not in ("kind", "step")])
    value, word = event[key], rng.choice(["", "(", "nothing", "(fly)", "(some () (and))", "(at x y z)", "(go)"])
    if isinstance(value, str):
        event[key] = word
    elif isinstance(value, dict):
        event[key] = {word: "item"}
    elif isinstance(value, list) and value:
        event[key] = [[word]] * len(value) if isinstance(value[0], list) else rng.choice([[], [word, *value[1:]]])


# -- runs that went otherwise ------------------------------------------------------------------------------------------


def without(folder: Path, copy: Path, *kinds: type[Event]) -> RunRecord:
    """The run without some of its events, as older programs wrote them."""
    shutil.copytree(folder, copy)
    kept = [logged for logged in read_events(folder / "events.jsonl") if not isinstance(logged.event, kinds)]
    lines = [b'{"episode":%d,"event":%s}\n' % (e.episode, e.event.model_dump_json().encode()) for e in kept]
    (copy / "events.jsonl").write_bytes(HEADER + b"".join(lines))
    return RunRecord.load(copy)


def test_of_an_older_log_is_said_what_it_tells(finished: Path, tmp_path: Path) -> None:
    run = without(finished, tmp_path / "old", Intended, Believed)
    for episode, step in list(places(run))[::20]:
        said = explain_step(run, episode, step)
        lines = list(lines_of(said))
        assert said.plan is None and any("older version" in line for line in lines)
        assert any(line.startswith("not ") for line in lines) and any(line.startswith("foretold") for line in lines)


def test_a_run_that_was_cut_off_is_explained_as_far_as_it_went(finished: Path, tmp_path: Path) -> None:
    """In its first episode, before any model was written, between an action and what came of it."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(finished / "manifest.json", folder)
    events = (finished / "events.jsonl").read_bytes().splitlines(keepends=True)
    last = next(n for n, line in enumerate(events) if b'"acted","step":30,' in line)
    (folder / "events.jsonl").write_bytes(b"".join(events[: last + 1]) + b'{"episode":0,"ev')
    record = RunRecord.load(finished)
    experience = (finished / "experience.jsonl").read_bytes().splitlines(keepends=True)
    upto = next(n for n in range(len(experience)) if _steps_in(experience[: n + 1], folder, record) == 30)
    (folder / "experience.jsonl").write_bytes(b"".join(experience[: upto + 1]))
    whole = RunRecord.load(folder)
    cut = explain_step(whole, 0, 30)
    full = explain_step(record, 0, 30)
    assert (cut.action, cut.plan, cut.links) == (full.action, full.plan, full.links)
    assert cut.observed is None and cut.reward is None and "not on file" in cut.gaps[0]
    for step in range(30):
        cut, full = explain_step(whole, 0, step), explain_step(record, 0, step)
        assert (cut.plan, cut.foretold, cut.observed, cut.surprise) == (
            full.plan,
            full.foretold,
            full.observed,
            full.surprise,
        )
        assert [reason.rule for reason in cut.reasons] == [reason.rule for reason in full.reasons]
    assert invoke("explain", folder, "--step", 30).exit_code == 0
    assert "has the steps 0 to 30, not 31" in invoke("explain", folder, "--step", 31).stderr


def _steps_in(lines: list[bytes], folder: Path, record: RunRecord) -> int:
    (folder / "experience.jsonl").write_bytes(b"".join(lines))
    return len(RunRecord.load(folder).experience) if lines else 0


def test_a_frozen_run_tells_what_its_log_tells(finished: Path, tmp_path: Path) -> None:
    words = ("--model", finished / "model.ww", "--episodes", 1, "--set", "freeze=true", "--out", tmp_path / "run")
    assert invoke("run", DOOR, *words).exit_code == 0
    record = RunRecord.load(tmp_path / "run")
    for said in explained(record):
        assert said.plan is not None and said.reasons and not said.links and not said.others
        assert "nothing was learned from it" in said.gaps[0]
        assert list(lines_of(said))


def test_an_episode_whose_environment_broke_is_explained_up_to_there(tmp_path: Path) -> None:
    words = ("run", world("BreaksInStep"), "--steps", 20, "--episodes", 2, "--out", tmp_path / "run")
    assert worldwright(*words, cwd=tmp_path).returncode == 0
    record = RunRecord.load(tmp_path / "run")
    broken = [said for said in explained(record) if said.observed is None]
    assert broken and all("what came of it is not on file" in said.gaps[0] for said in broken)
    assert all(said.others and said.plan for said in broken)
    place = ("--episode", broken[0].episode)
    assert (
        "it ended with: environment: RuntimeError: the floor"
        in invoke("explain", tmp_path / "run", *place, "--step", broken[0].step + 1).stderr
    )


@pytest.mark.parametrize("policy", ["llm", "hybrid"])
def test_what_a_language_model_had_to_do_with_a_step_is_said(policy: str, finished: Path, tmp_path: Path) -> None:
    def advises(received: Received) -> Play:
        shape = json.dumps(received.body["response_format"]["json_schema"]["schema"])
        return says(json.dumps({"action": "left", "args": []}) if '"left"' in shape else "nonsense")

    with model_options(advises) as (_, options):
        words = ("--model", finished / "model.ww", "--episodes", 1, "--out", tmp_path / "run", *options)
        settings = ("--set", f"agent.policy={policy}", "--set", "agent.author=inducer", "--env", "max_steps=12")
        done = invoke("run", DOOR, *words, *settings)
    assert done.exit_code == 0, done.stderr
    advised = [said for said in explained(RunRecord.load(tmp_path / "run")) if said.advice]
    assert advised
    if policy == "llm":
        assert any(said.purpose == "advice" and str(said.action) == "(left)" for said in advised)
    lines = [line for said in advised for line in lines_of(said) if line.startswith("advice: ")]
    assert any("accepted" in line for line in lines) or any("rejected" in line for line in lines)
