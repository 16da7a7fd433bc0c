"""Commands that ask a language model: what they send, keep, spend and say, and what they do when it fails."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.experiments.conftest import LEVEL
from tests.experiments.telling import Plays, asked_about, dies_after, knows_the_laws, model_options
from worldwright.agent.events import Asked, Event, Rejected, Silenced
from worldwright.experiments import cli
from worldwright.experiments.event_log import read_events
from worldwright.experiments.folder import EpisodeRecord, RunFolder
from worldwright.experiments.progress import Progress
from worldwright.world_model.chat.cassette import Replayer
from worldwright.world_model.chat.scripted_server import (
    HOSTILE_PLAYS,
    ScriptedServer,
    breaks_off,
    hangs,
    refuses,
    says,
)
from worldwright.world_model.model_file import load_model

SHORT = ("--steps", 100, "--episodes", 1)
ONE = ("--set", "agent.samples=1")
KEY = "sk-never-to-be-seen-0123456789"
PRICES = {"date": "2026-01-01", "source": "a test", "usd_per_million_tokens": {"scripted": [100.0, 1000.0]}}


def invoke(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def run(folder: Path, *words: object) -> Result:
    done = invoke("run", LEVEL, *SHORT, "--out", folder, *words)
    assert done.exit_code == 0, done.stderr
    return done


def events_of(folder: Path) -> list[Event]:
    return [logged.event for logged in read_events(RunFolder(folder).events)]


def said_to_give_up(done: Result) -> int:
    return (done.stdout + done.stderr).count("no language model is asked any more")


@dataclass(frozen=True)
class Outcome:
    """What came of a run, times aside."""

    model: str
    episodes: list[EpisodeRecord]

    @staticmethod
    def of(folder: Path) -> Outcome:
        untimed = {"cpu_s": 0.0, "wall_s": 0.0, "number": 0}
        run = RunFolder(folder)
        return Outcome(run.model.read_text(), [episode.model_copy(update=untimed) for episode in run.episodes()])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run of the inducer alone."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    run(folder)
    return Outcome.of(folder)


@dataclass(frozen=True)
class Told:
    """A run with a model that knows the laws, and what reached its server."""

    folder: Path
    cassette: Path
    done: Result
    server: ScriptedServer

    @property
    def model(self) -> str:
        """The model as text."""
        return RunFolder(self.folder).model.read_text()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Such a run, recorded, with a price."""
    folder = tmp_path_factory.mktemp("told")
    (folder / "prices.json").write_text(json.dumps(PRICES))
    cassette = folder / "answers.jsonl"
    with model_options(knows_the_laws) as (server, words), pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORLDWRIGHT_LLM_KEY", KEY)
        done = run(folder / "run", *words, *ONE, "--llm-record", cassette, "--llm-prices", folder / "prices.json")
    return Told(folder / "run", cassette, done, server)


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_a_model_that_knows_the_laws_is_learned_from_beside_the_inducer(told: Told) -> None:
    authors = {rule.evidence.author for rule in load_model(RunFolder(told.folder).model).rules}
    assert authors == {"llm", "inducer"}
    shown = invoke("rules", RunFolder(told.folder).model).stdout
    assert "author llm" in shown and "author inducer" in shown and "contradicted 0" in shown


def test_every_request_is_in_the_log_with_its_tokens_and_price(told: Told) -> None:
    asked = [event for event in events_of(told.folder) if isinstance(event, Asked)]
    assert len(asked) == len(told.server.received) > 7
    for event, received in zip(asked, told.server.received, strict=True):
        assert event.prompt[-1].endswith(received.body["messages"][-1]["content"])
        assert (event.prompt_tokens, event.answer_tokens, event.error) == (11, 7, "")
        assert event.usd == pytest.approx((11 * 100 + 7 * 1000) / 1e6) and event.seconds > 0


def test_the_summary_says_what_it_cost_and_what_it_brought(told: Told) -> None:
    calls = len(told.server.received)
    llm = json.loads((told.folder / "result.json").read_text())["llm"]
    assert (llm["calls"], llm["prompt_tokens"], llm["answer_tokens"]) == (calls, 11 * calls, 7 * calls)
    assert llm["usd"] == pytest.approx(0.0081 * calls) and llm["kept"] > 0 and llm["rejected"] == {}
    assert (
        f"language model: {calls} calls, {11 * calls} + {7 * calls} tokens, ${0.0081 * calls:.4f}" in told.done.stdout
    )
    assert "per rule kept " in told.done.stdout and "per episode " in told.done.stdout
    assert f"rules proposed {llm['proposed']}: {llm['kept']} kept, {llm['refuted']} refuted" in told.done.stdout


def test_the_manifest_says_who_was_asked_and_at_what_price(told: Told) -> None:
    config = RunFolder(told.folder).manifest.config
    assert config.agent.author == "both" and config.llm is not None
    assert (config.llm.url, config.llm.name) == (told.server.url, "scripted")
    assert config.llm.usd_per_million_tokens == (100.0, 1000.0)


@pytest.mark.parametrize("words", [(), ("--set", "agent.author=inducer")])
def test_nothing_is_sent_unless_it_is_asked_for(words: tuple[str, ...], alone: Outcome, tmp_path: Path) -> None:
    with model_options(knows_the_laws) as (server, options):
        run(tmp_path / "run", *words, *(options if words else ()))
    assert server.received == []
    assert Outcome.of(tmp_path / "run") == alone


def test_acting_with_frozen_laws_asks_nothing(told: Told) -> None:
    words = ("eval", LEVEL, "--model", RunFolder(told.folder).model, "--episodes", 1, "--freeze")
    with model_options(knows_the_laws) as (server, options):
        done = invoke(*words, *options, "--set", "agent.policy=pddl")
    assert done.exit_code == 0, done.stderr
    assert server.received == [] and "language model" not in done.stdout


def test_acting_and_learning_on_asks_and_says_what_it_cost(told: Told) -> None:
    words = ("eval", LEVEL, "--model", RunFolder(told.folder).model, "--episodes", 1, *ONE)
    with model_options(knows_the_laws) as (server, options):
        done = invoke(*words, *options)
    assert done.exit_code == 0, done.stderr
    assert f"language model: {len(server.received)} calls" in done.stdout and server.received


# -- recordings --------------------------------------------------------------------------------------------------------


def test_a_recorded_run_is_repeated_without_its_model(told: Told, tmp_path: Path) -> None:
    done = run(tmp_path / "run", *ONE, "--llm-replay", told.cassette)
    assert Outcome.of(tmp_path / "run") == Outcome.of(told.folder)
    config = RunFolder(tmp_path / "run").manifest.config
    assert config.llm is not None and (config.llm.url, config.llm.name) == (None, "scripted")
    assert f"language model: {len(told.server.received)} calls" in done.stdout and "0.0 s of waiting" in done.stdout


def test_what_a_recording_does_not_have_is_counted_and_nothing_is_sent(told: Told, tmp_path: Path) -> None:
    done = run(tmp_path / "run", *ONE, "--llm-replay", told.cassette, "--seed", 3)
    failures = json.loads((tmp_path / "run" / "result.json").read_text())["llm"]["failures"]
    assert set(failures) == {"NotRecorded"} and said_to_give_up(done) == 1
    assert str(tmp_path) not in (tmp_path / "run" / "events.jsonl").read_text()


def interrupted(folder: Path, after: int, patch: pytest.MonkeyPatch, *words: object) -> None:
    """A run that the user ends after so many episodes."""
    done: list[EpisodeRecord] = []

    def episode(self: Progress, record: EpisodeRecord) -> None:
        done.append(record)
        if len(done) == after:
            raise KeyboardInterrupt

    with patch.context() as patched:
        patched.setattr(Progress, "episode", episode)
        assert invoke("run", LEVEL, *SHORT, "--out", folder, *words).exit_code == 130


@pytest.mark.parametrize("explicit", [False, True])
def test_a_run_that_was_cut_off_goes_on_and_asks_nothing_twice(
    explicit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = ("--env", "max_steps=40", *ONE)
    with model_options(knows_the_laws) as (server, options):
        words = (*limit, *options, *(("--llm-record", tmp_path / "tape.jsonl") if explicit else ()))
        interrupted(tmp_path / "run", 2, monkeypatch, *words)
        before = len(server.received)
        run(tmp_path / "run", *words)
        assert 0 < before <= len(server.received)
        bodies = [json.dumps(received.body, sort_keys=True) for received in server.received]
        assert len(set(bodies)) == len(bodies)
        run(tmp_path / "whole", *limit, *options)
    assert Outcome.of(tmp_path / "run") == Outcome.of(tmp_path / "whole")
    costs = RunFolder(tmp_path / "run").costs()
    assert costs.calls == len(bodies)
    assert (tmp_path / "run" / "answers.jsonl").exists() != explicit


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "calls", "said"),
    [
        (("--llm-calls", 5), 5, "the limit of 5 calls"),
        (("--llm-calls", 0), 0, "the limit of 0 calls"),
        (("--llm-tokens", 10), 0, "the limit of 10 tokens"),
        (("--llm-usd", 0.0001, "--llm-prices", "prices.json"), 0, "the limit of 0.0001 US dollars"),
    ],
)
def test_limits_end_the_asking_and_not_the_run(
    limit: tuple[object, ...], calls: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prices.json").write_text(json.dumps(PRICES))
    with model_options(knows_the_laws) as (server, options):
        done = run(tmp_path / "run", *options, *ONE, *limit)
    assert len(server.received) == calls
    assert said_to_give_up(done) == 1 and said in done.stdout
    assert sum(isinstance(event, Silenced) for event in events_of(tmp_path / "run")) == 1


# -- a model that fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failing",
    [refuses(500, "broken"), refuses(401, "no key"), breaks_off(), hangs],
    ids=["refuses", "wants a key", "breaks off", "hangs"],
)
def test_an_endpoint_that_dies_in_mid_run_costs_nothing_but_its_rules(failing: object, tmp_path: Path) -> None:
    plays = dies_after(4, failing)  # type: ignore[arg-type]
    with model_options(plays) as (server, options):
        done = run(tmp_path / "run", *options, *ONE, "--llm-timeout", 1)
    assert len(server.received) > 4
    assert said_to_give_up(done) == 1
    assert sum(isinstance(event, Silenced) for event in events_of(tmp_path / "run")) == 1
    assert any(rule.evidence.author == "inducer" for rule in load_model(RunFolder(tmp_path / "run").model).rules)
    assert RunFolder(tmp_path / "run").finished


GARBAGE = "It opens because the agent has what it needs."


@pytest.mark.parametrize(
    ("play", "failures", "rejected"),
    [
        (refuses(500, "broken"), True, ""),
        (hangs, True, ""),
        (HOSTILE_PLAYS["garbage"], True, ""),
        (HOSTILE_PLAYS["a web page"], True, ""),
        (says(GARBAGE), False, "not-json"),
        (says('{"rules": [', "length"), False, "cut-off"),
        (says('{"rules": 7}'), False, "shape"),
    ],
    ids=["refuses", "hangs", "garbage", "a web page", "prose", "cut off", "shape"],
)
def test_a_model_of_no_use_leaves_the_run_as_the_inducer_alone_makes_it(
    play: object, failures: bool, rejected: str, alone: Outcome, tmp_path: Path
) -> None:
    with model_options(lambda _: play) as (server, options):  # type: ignore[arg-type, return-value]
        done = run(tmp_path / "run", *options, *ONE, "--llm-timeout", 0.5 if play is hangs else 20)
    assert Outcome.of(tmp_path / "run") == alone
    told = events_of(tmp_path / "run")
    llm = json.loads((tmp_path / "run" / "result.json").read_text())["llm"]
    assert (sum(llm["failures"].values()) == 3) == failures == bool(said_to_give_up(done))
    refusals = [event.reason for event in told if isinstance(event, Rejected)]
    assert set(refusals) == ({rejected} if rejected else set())
    assert llm["rejected"] == ({rejected: len(server.received)} if rejected else {})


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_no_key_path_or_environment_is_sent_or_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C25, D36: whatever is asked, answered, logged or recorded, also of what failed."""
    home, value = "/home/somebody-unlikely", "a-value-of-the-environment"
    monkeypatch.setenv("WORLDWRIGHT_LLM_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}-other")
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("SOME_SECRET", value)
    echo: Plays = dies_after(9, refuses(403, f"the key {KEY} is wrong"), lambda _: says(f"your key is {KEY}"))
    with model_options(dies_after(5, says("{}"), knows_the_laws)) as (server, options):
        run(tmp_path / "one", *options, *ONE, "--llm-record", tmp_path / "tape.jsonl")
    with model_options(echo) as (other, options):
        run(tmp_path / "two", *(*options[:3], "/srv/models/secret-place/llama.gguf"), *ONE)
    run(tmp_path / "three", *ONE, "--llm-replay", tmp_path / "tape.jsonl", "--seed", 4)
    assert all(received.headers["authorization"] == f"Bearer {KEY}" for received in server.received)
    sent = "".join(json.dumps(received.body) for received in (*server.received, *other.received))
    kept = "".join(path.read_text() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    for secret in (KEY, home, value, str(tmp_path), str(Path.cwd()), "somebody"):
        assert secret not in sent + kept
    assert "secret-place" not in kept and "llama.gguf" in kept


# -- options that do not fit -------------------------------------------------------------------------------------------

URL = "http://127.0.0.1:9/v1"
WHOLE = ("--llm", URL, "--llm-model", "m")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--llm", URL), "--llm-model NAME"),
        (("--llm-model", "m"), "--llm URL"),
        (("--llm-record", "tape.jsonl"), "--llm-record needs a language model: --llm URL"),
        (("--llm-calls", 3), "--llm-calls needs a language model"),
        (("--set", "agent.author=both"), "none is named: give --llm URL --llm-model NAME, or --llm-replay FILE"),
        (("--set", "agent.author=llm"), "none is named"),
        (("--set", "llm=3"), "no setting 'llm'"),
        (("--llm", "localhost:8080", "--llm-model", "m"), "give one like https://HOST/v1"),
        (("--llm", "http://[::1", "--llm-model", "m"), "is no URL"),
        (("--llm", "https://me:secret@host/v1", "--llm-model", "m"), "must hold no name, password or query"),
        (("--llm", "http://example.org/v1", "--llm-model", "m"), "in the clear"),
        ((*WHOLE, "--llm-timeout", 0), "--llm-timeout: "),
        ((*WHOLE, "--llm-timeout", "nan"), "--llm-timeout: "),
        ((*WHOLE, "--llm-usd", "nan"), "--llm-usd: "),
        ((*WHOLE, "--llm-calls", -1), "--llm-calls: "),
        (("--llm", "https://example.org/v1", "--llm-model", "m", "--llm-usd", 1), "--llm-prices FILE"),
        ((*WHOLE, "--llm-prices", "nowhere.json"), "nowhere.json: "),
        ((*WHOLE, "--llm-prices", "prices.json"), "prices.json: "),
        ((*WHOLE, "--llm-record", "edited.jsonl"), "edited.jsonl: line "),
        ((*WHOLE, "--llm-record", "."), "."),
        ((*WHOLE, "--llm-replay", "tape.jsonl"), "leave --llm out"),
        (("--llm-replay", "tape.jsonl", "--llm-record", "more.jsonl"), "leave --llm-record out"),
        (("--llm-replay", "nowhere.jsonl"), "nowhere.jsonl: "),
        (("--llm-replay", "edited.jsonl"), "edited.jsonl: line "),
        (("--llm-replay", "tape.jsonl", "--llm-usd", 1), "the price of 'scripted', which is not known"),
    ],
)
def test_what_does_not_fit_is_one_line_before_anything_starts(
    words: tuple[object, ...], said: str, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORLDWRIGHT_LLM_KEY", KEY)
    Path("prices.json").write_text("{}")
    Path("edited.jsonl").write_text(told.cassette.read_text().replace('"toggle', '"drop', 1))
    shutil.copy(told.cassette, "tape.jsonl")
    for command in (("run", LEVEL, "--steps", 5), ("learn", LEVEL, "--steps", 5, "--out", "m.ww")):
        done = invoke(*command, *words)
        assert done.exit_code == 1, done.stdout
        (line,) = done.stderr.splitlines()
        assert line.startswith("worldwright: ") and said in line and "secret" not in line
    assert not Path("runs").exists()


def test_a_run_with_another_model_or_limit_is_another_run(told: Told) -> None:
    words = ("--llm", told.server.url, "--llm-model", "other", "--llm-calls", 5)
    done = invoke("run", LEVEL, *SHORT, *ONE, "--out", told.folder, *words)
    assert done.exit_code == 1
    assert "llm.name scripted, not other" in done.stderr and "llm.calls None, not 5" in done.stderr


def test_several_processes_share_no_model(finished: Path) -> None:
    done = invoke("eval", LEVEL, "--model", finished / "model.ww", "--freeze", "--jobs", 2, *WHOLE)
    assert done.exit_code == 1 and "--jobs cannot share" in done.stderr


def test_a_cassette_names_its_model(told: Told) -> None:
    assert Replayer(told.cassette).model == "scripted"
    assert {asked_about(received).get("action") for received in told.server.received} >= {"left", "toggle"}
