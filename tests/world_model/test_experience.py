"""Experience is written as it happens and read back as it was, whatever becomes of the file."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.world_model.strategies import Draw, states, vocabularies
from tests.world_model.walks import walks
from worldwright.envs.minigrid.vocabulary import VOCABULARY as MINIGRID
from worldwright.world_model import experience, experience_lines
from worldwright.world_model.errors import VocabularyProblem, WorldwrightError
from worldwright.world_model.experience import ExperienceBuffer, ExperienceLog, ExperienceProblem
from worldwright.world_model.model import Action
from worldwright.world_model.state import Change, State, Universe
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import ActionSignature, Counter, Object, Predicate, Type, Vocabulary

FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

ROOMS = Vocabulary(
    "rooms",
    (Type("room"), Type("thing"), Type("lamp", "thing")),
    (
        Predicate("in", ("thing", "room"), functional=True),
        Predicate("lit", ("lamp",)),
        Predicate("next-to", ("room", "room"), static=True),
    ),
    (ActionSignature("wait"), ActionSignature("carry", ("thing", "room"))),
    (Object("hall", "room"),),
    (Counter("steps", (), 0, 99),),
)


def short_walks() -> list[Transition]:
    return walks(("MiniGrid-DoorKey-6x6-v0", "MiniGrid-KeyCorridorS3R3-v0"), seeds=1, steps=40)


def buffer_of(transitions: list[Transition], vocabulary: Vocabulary = MINIGRID) -> ExperienceBuffer:
    buffer = ExperienceBuffer(vocabulary)
    for transition in transitions:
        buffer.append(transition)
    return buffer


def logged(path: Path, transitions: list[Transition], vocabulary: Vocabulary = MINIGRID) -> None:
    with ExperienceLog(path, vocabulary) as log:
        for transition in transitions:
            log.append(transition)


def in_order(universe: Universe) -> tuple[list[tuple[str, str]], list[object]]:
    return list(universe.types.items()), list(universe.facts.items())


def story() -> list[Transition]:
    """Two episodes in which a room, a lamp and a static fact come to be known on the way."""
    first = Universe(ROOMS)
    first.add_object("box1", "thing")
    start = State({("in", "box1"): "hall", ("steps",): 0}, first)
    later = start.with_change({("steps",): 1})
    found = [Transition(start, Action("wait"), later, frozenset({"box1", "hall"}), episode=3)]
    first.add_object("cellar", "room")
    first.add_object("lamp1", "lamp")
    first.add_fact(("next-to", "hall", "cellar"))
    last = later.with_change({("in", "box1"): "cellar", ("lit", "lamp1"): True, ("steps",): None})
    carry = Action("carry", ("box1", "cellar"))
    found.append(Transition(later, carry, last, frozenset({"box1"}), episode=3, step=1, source="human"))
    other = State({}, Universe(ROOMS))
    found.append(Transition(other, Action("wait"), other, frozenset(), certain=False, episode=5, step=7))
    return found


# -- in memory -------------------------------------------------------------------------------------------


def test_a_buffer_holds_what_was_appended() -> None:
    transitions = story()
    buffer = buffer_of(transitions, ROOMS)
    assert list(buffer) == transitions and len(buffer) == 3 and buffer[1] is transitions[1]
    assert buffer.of_action("wait") == [transitions[0], transitions[2]]
    assert buffer.of_action("carry") == [transitions[1]]
    assert buffer.next_episode == 6 and ExperienceBuffer(ROOMS).next_episode == 0
    with pytest.raises(VocabularyProblem, match="unknown action 'jump'"):
        buffer.of_action("jump")


def unfit() -> dict[str, tuple[Transition, str]]:
    """Transitions that the first of `story` cannot be followed by."""
    universe = Universe(ROOMS)
    universe.add_object("box1", "thing")
    state = State({}, universe)
    wait = Action("wait")

    def after(change: Change, action: Action = wait, observed: frozenset[str] = frozenset()) -> Transition:
        return Transition(state, action, state.with_change(change), observed, episode=9)

    named = Universe(ROOMS)
    named.add_object("a box", "thing")
    odd = State({}, named)
    return {
        "counter": (after({("steps",): 100}), "cannot be '100'"),
        "value": (after({("in", "box1"): "box1"}), "cannot be 'box1'"),
        "truth": (after({("in", "box1"): True}), "cannot be 'True'"),
        "object": (after({("lit", "lamp9"): True}), "'lamp9' is no known object"),
        "type": (after({("lit", "box1"): True}), "'box1' is no known object of type 'lamp'"),
        "arity": (after({("in", "box1", "hall"): True}), "takes 1 arguments, not 2"),
        "predicate": (after({("under", "box1"): "hall"}), "unknown predicate 'under'"),
        "argument": (after({}, Action("carry", ("box1", "moon"))), "'moon' is no known object"),
        "observed": (after({}, observed=frozenset({"ghost"})), "observed 'ghost'"),
        "name": (Transition(odd, wait, odd, frozenset(), episode=9), "'a box' is no name"),
        "step": (Transition(state, wait, state, frozenset(), episode=9, step=-1), "not between 0"),
        "source": (Transition(state, wait, state, frozenset(), episode=9, source="A\nB"), "is not a name"),
    }


@pytest.mark.parametrize("case", unfit())
def test_what_could_not_be_read_back_is_not_written(case: str, tmp_path: Path) -> None:
    transition, message = unfit()[case]
    transitions = story()
    path = tmp_path / "log.jsonl"
    with ExperienceLog(path, ROOMS) as log:
        log.append(transitions[0])
        with pytest.raises(WorldwrightError, match=message) as problem:
            log.append(transition)
        log.append(transitions[1])
    assert "\n" not in str(problem.value)
    assert list(ExperienceBuffer.load(path, ROOMS)) == transitions[:2]
    with pytest.raises(ExperienceProblem, match=message):
        buffer_of([transition], ROOMS).save(tmp_path / "saved.jsonl")
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"], "nothing temporary is left"


def test_an_episode_has_one_universe_and_all_have_one_vocabulary(tmp_path: Path) -> None:
    first = story()[0]
    stranger = Transition(State({}, Universe(ROOMS)), Action("wait"), first.after, frozenset(), episode=3)
    foreign = short_walks()[0]
    buffer = buffer_of([first], ROOMS)
    with ExperienceLog(tmp_path / "log.jsonl", ROOMS) as log:
        log.append(first)
        for append in (buffer.append, log.append):
            with pytest.raises(ExperienceProblem, match="episode 3 has another universe"):
                append(stranger)
            with pytest.raises(ExperienceProblem, match="vocabulary 'minigrid' among those of 'rooms'"):
                append(foreign)
    assert len(buffer) == 1 == len(ExperienceBuffer.load(tmp_path / "log.jsonl", ROOMS))


# -- there and back --------------------------------------------------------------------------------------


def test_walks_survive_and_take_little_room(tmp_path: Path) -> None:
    transitions = walks(seeds=1)
    buffer = buffer_of(transitions)
    buffer.save(tmp_path / "saved.jsonl")
    loaded = ExperienceBuffer.load(tmp_path / "saved.jsonl", MINIGRID)
    assert list(loaded) == transitions and loaded.warning == ""
    assert loaded.universes.keys() == buffer.universes.keys()
    for episode, universe in buffer.universes.items():
        assert in_order(loaded.universes[episode]) == in_order(universe)
    logged(tmp_path / "log.jsonl", transitions)
    assert (tmp_path / "log.jsonl").read_bytes() == (tmp_path / "saved.jsonl").read_bytes()
    assert (tmp_path / "log.jsonl").stat().st_size < 600 * len(transitions)


@st.composite
def episodes(draw: Draw) -> tuple[Vocabulary, list[Transition]]:
    """Transitions of a few episodes, of which some do not begin where the last one ended."""
    vocabulary = draw(vocabularies())
    found: list[Transition] = []
    for episode in draw(st.lists(st.integers(0, 50), unique=True, max_size=3)):
        drawn = [draw(states(vocabulary))]
        universe = drawn[0].universe
        for _ in range(draw(st.integers(0, 3))):
            kept = [f for f in drawn[0].values if draw(st.booleans())]
            drawn.append(State({f: drawn[0].values[f] for f in kept}, universe))
        for step, state in enumerate(drawn):
            action = draw(st.sampled_from(vocabulary.actions))
            choices = [universe.objects(type_) for type_ in action.types]
            if not all(choices):
                continue
            found.append(
                Transition(
                    draw(st.sampled_from(drawn)),
                    Action(action.name, tuple(draw(st.sampled_from(names)) for names in choices)),
                    state,
                    draw(st.frozensets(st.sampled_from([*universe.types])) if universe.types else st.just(frozenset())),
                    draw(st.booleans()),
                    episode,
                    step,
                    draw(st.sampled_from(["agent", "human", "walk"])),
                )
            )
    return vocabulary, draw(st.permutations(found))


@FILES
@given(drawn=episodes())
def test_any_experience_survives(drawn: tuple[Vocabulary, list[Transition]], tmp_path: Path) -> None:
    vocabulary, transitions = drawn
    path = tmp_path / "any.jsonl"
    path.unlink(missing_ok=True)
    half = len(transitions) // 2
    logged(path, transitions[:half], vocabulary)
    with ExperienceLog(path, vocabulary) as log:
        assert list(log.recovered) == transitions[:half]
    buffer_of(transitions, vocabulary).save(path)
    loaded = ExperienceBuffer.load(path, vocabulary)
    assert list(loaded) == transitions
    text = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == text


def test_what_becomes_known_on_the_way_is_written_when_it_does(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    sizes = []
    with ExperienceLog(path, ROOMS) as log:
        universe = Universe(ROOMS)
        state = State({}, universe)
        for number in range(3):
            universe.add_object(f"room{number}", "room")
            universe.add_fact(("next-to", "hall", f"room{number}"))
            log.append(Transition(state, Action("wait"), state, frozenset({f"room{number}"}), step=number))
            sizes.append(path.stat().st_size)
    lines = path.read_bytes().splitlines()
    assert len(lines) == 1 + 2 * 3
    assert len(set(sizes)) == 3, "each is on file as soon as it is appended"
    loaded = ExperienceBuffer.load(path, ROOMS)
    assert in_order(loaded.universes[0]) == in_order(universe)
    assert [transition.observed for transition in loaded] == [frozenset({f"room{n}"}) for n in range(3)]


def test_a_second_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    first, second = story()[:2], story()[2:]
    logged(path, first, ROOMS)
    with ExperienceLog(path, ROOMS) as log:
        assert list(log.recovered) == first and log.recovered.next_episode == 4
        for transition in second:
            log.append(transition)
        # An episode of the first run goes on too, from the state that was read.
        last = log.recovered[-1].after
        log.append(Transition(last, Action("wait"), last, frozenset(), episode=3, step=2))
    assert len(ExperienceBuffer.load(path, ROOMS)) == 4


def test_a_log_is_held_by_one_run_at_a_time(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    path = tmp_path / "log.jsonl"
    with ExperienceLog(path, ROOMS) as log:
        with pytest.raises(ExperienceProblem, match="in use by another run"):
            ExperienceLog(path, ROOMS)
        log.append(story()[0])
        log.close()
        with pytest.raises(ExperienceProblem, match=r"log\.jsonl"):
            log.append(story()[1])
    logged(path, [], ROOMS)


# -- crashes ---------------------------------------------------------------------------------------------


def test_cut_anywhere_it_holds_all_that_was_whole(tmp_path: Path) -> None:
    transitions = story()
    whole = tmp_path / "whole.jsonl"
    logged(whole, transitions, ROOMS)
    data = whole.read_bytes()
    ends = [index + 1 for index, byte in enumerate(data) if byte == ord("\n")]
    path = tmp_path / "torn.jsonl"
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        complete = max((end for end in ends if end <= size), default=0)
        expected = transitions[: data[:complete].count(b'"action"')]
        loaded = ExperienceBuffer.load(path, ROOMS)
        assert list(loaded) == expected
        assert bool(loaded.warning) == (size not in ends)
        with ExperienceLog(path, ROOMS) as log:
            assert list(log.recovered) == expected
            state = State({}, Universe(ROOMS))
            new = Transition(state, Action("wait"), state, frozenset(), episode=log.recovered.next_episode)
            log.append(new)
        assert path.read_bytes().startswith(data[:complete]), "what was whole is left alone"
        mended = ExperienceBuffer.load(path, ROOMS)
        assert list(mended) == [*expected, new] and mended.warning == ""


def test_a_torn_tail_is_noted_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    logged(path, story(), ROOMS)
    lines = path.read_bytes().count(b"\n")
    with path.open("ab") as file:
        file.write(b"\0" * 512)  # what some file systems leave after a power cut
    loaded = ExperienceBuffer.load(path, ROOMS)
    assert list(loaded) == story()
    assert loaded.warning == (
        f"experience {path}: line {lines + 1}: the last line is torn after 512 bytes and left out"
    )
    logged(path, [], ROOMS)
    with ExperienceLog(path, ROOMS) as log:
        assert log.recovered.warning


def test_an_episode_that_a_crash_left_without_a_transition_keeps_its_number(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    logged(path, [replace(transition, episode=0) for transition in story()[:2]], ROOMS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    with ExperienceLog(path, ROOMS) as log:
        assert len(log.recovered) == 0 and log.recovered.next_episode == 1
        first = story()[0]
        log.append(replace(first, episode=1))
    assert [transition.episode for transition in ExperienceBuffer.load(path, ROOMS)] == [1]


# -- full disks ------------------------------------------------------------------------------------------


def test_a_full_disk_costs_the_last_transition_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transitions = short_walks()
    path = tmp_path / "log.jsonl"
    room = 0
    real = os.write

    def write(handle: int, data: bytes) -> int:
        nonlocal room
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = real(handle, bytes(data)[:room])
        room -= taken
        return taken

    monkeypatch.setattr(os, "write", write)
    room = 1_000
    with ExperienceLog(path, MINIGRID) as log:
        for index, transition in enumerate(transitions):
            room = index * 7 % 60  # too little, and never the same
            with pytest.raises(ExperienceProblem, match=r"log\.jsonl: No space left on device"):
                log.append(transition)
            loaded = ExperienceBuffer.load(path, MINIGRID)
            assert len(loaded) == index and not loaded.warning
            room = 10**6
            log.append(transition)
    assert list(ExperienceBuffer.load(path, MINIGRID)) == transitions


FILL = """
import resource, sys
from pathlib import Path
from tests.world_model.test_experience import ROOMS, story
from worldwright.world_model.experience import ExperienceLog
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
transition = story()[0]
with ExperienceLog(Path(sys.argv[1]), ROOMS) as log:
    try:
        while True:
            log.append(transition)
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_a_real_limit_on_the_file_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    path = tmp_path / "log.jsonl"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", FILL, str(path)], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == f"ExperienceProblem experience {path}: {os.strerror(errno.EFBIG)}\n"
    loaded = ExperienceBuffer.load(path, ROOMS)
    assert len(loaded) > 5 and not loaded.warning and path.stat().st_size <= 2000
    logged(path, [], ROOMS)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_that_is_always_full_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "log.jsonl"
    link.symlink_to("/dev/full")
    with pytest.raises(ExperienceProblem, match="not a regular file"):
        ExperienceLog(link, ROOMS)


# -- strangers' files ------------------------------------------------------------------------------------

HEADER, GAINED, STEP = 0, 1, 2  # the first lines of `story`


def edited(line: int, **fields: object) -> Callable[[list[bytes]], list[bytes]]:
    """Give fields of a line other values; None leaves a field out."""

    def edit(lines: list[bytes]) -> list[bytes]:
        record = json.loads(lines[line]) | fields
        lines[line] = json.dumps({key: value for key, value in record.items() if value is not None}).encode()
        return lines

    return edit


def replaced(line: int, old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    def edit(lines: list[bytes]) -> list[bytes]:
        assert old in lines[line]
        lines[line] = lines[line].replace(old, new)
        return lines

    return edit


def added(line: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda lines: [*lines, line]


HOSTILE: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int, str]] = {
    "newer": (edited(HEADER, version=2), 1, "version 2; this program reads version 1"),
    "true version": (edited(HEADER, version=True), 1, "version True"),
    "other format": (edited(HEADER, format="episode"), 1, "not a file of format"),
    "other world": (edited(HEADER, digest="0" * 64), 1, "which is not this 'rooms'"),
    "header field": (edited(HEADER, more=1), 1, "unknown field 'more'"),
    "no header": (lambda lines: lines[1:], 1, "not a file of format"),
    "byte order mark": (replaced(HEADER, b"{", b"\xef\xbb\xbf{"), 1, "not JSON"),
    "pickle": (lambda lines: [b"\x80\x04\x95cos\nsystem", *lines], 1, "not JSON"),
    "not text": (added(b"\xff\xfe"), 6, "not JSON"),
    "nul bytes": (added(b"\0\0"), 6, "not JSON"),
    "a list": (added(b"[1]"), 6, "not a record"),
    "empty line": (added(b""), 6, "not JSON"),
    "deep": (added(b"[" * 200_000), 6, "not JSON"),
    "deep record": (added(b'{"a":' * 200_000), 6, "not JSON"),
    "many digits": (replaced(STEP, b'"step":0', b'"step":' + b"9" * 5000), 3, "not JSON"),
    "large": (edited(STEP, step=10**9 + 1), 3, "'step' is no number"),
    "negative": (edited(STEP, episode=-1), 3, "'episode' is no number"),
    "true number": (edited(STEP, step=True), 3, "'step' is no number"),
    "not a number": (replaced(STEP, b'"step":0', b'"step":NaN'), 3, "'NaN' is no whole number"),
    "infinite": (replaced(STEP, b'"step":0', b'"step":1e999'), 3, "'1e999' is no whole number"),
    "fraction": (replaced(STEP, b'["steps",1]', b'["steps",1.0]'), 3, "'1.0' is no whole number"),
    "double key": (replaced(STEP, b'"step":0', b'"step":0,"step":1'), 3, "a key stands twice"),
    "unknown field": (edited(STEP, reward=1), 3, "unknown field 'reward'"),
    "escapes": (edited(STEP, **{"\x1b[2J\n": 1}), 3, "unknown field"),
    "missing field": (edited(STEP, observed=None), 3, "without 'observed'"),
    "unknown action": (edited(STEP, action=["fly"]), 3, "unknown action 'fly'"),
    "no action": (edited(STEP, action=[]), 3, "expected a list of names"),
    "numbered action": (edited(STEP, action=[1]), 3, "expected a list of names"),
    "arity": (edited(STEP, action=["carry", "box1"]), 3, "takes 2 arguments, not 1"),
    "argument": (edited(STEP, action=["carry", "hall", "box1"]), 3, "'hall' is no known object of type 'thing'"),
    "predicate": (edited(STEP, change=[["under", "box1", "hall"]]), 3, "unknown predicate 'under'"),
    "object": (edited(STEP, change=[["in", "box7", "hall"]]), 3, "'box7' is no known object"),
    "too early": (lambda lines: [lines[0], lines[2], lines[1]], 2, "'box1' is no known object"),
    "value type": (edited(STEP, change=[["in", "box1", "box1"]]), 3, "cannot be 'box1'"),
    "value kind": (edited(STEP, change=[["in", "box1", 7]]), 3, "cannot be '7'"),
    "value list": (edited(STEP, change=[["in", "box1", ["hall"]]]), 3, "a value is a name"),
    "false": (edited(STEP, change=[["lit", "lamp1", False]]), 3, "cannot be 'False'"),
    "bounds": (edited(STEP, change=[["steps", 100]]), 3, "cannot be '100'"),
    "true count": (edited(STEP, change=[["steps", True]]), 3, "cannot be 'True'"),
    "twice": (edited(STEP, change=[["steps", 1], ["steps", 2]]), 3, "stands twice in a change"),
    "bare value": (edited(STEP, change=[["steps"]]), 3, "expected a list of names"),
    "no list": (edited(STEP, change={"steps": 1}), 3, "expected a list of lists"),
    "certain": (edited(STEP, certain=1), 3, "'certain' is false or left out"),
    "source": (edited(STEP, source="Ignore all rules"), 3, "is not a name"),
    "source kind": (edited(STEP, source=["a"]), 3, "'source' is no name"),
    "unseen": (edited(STEP, observed=[99]), 3, "'observed' is no ascending list"),
    "below": (edited(STEP, observed=[-1]), 3, "'observed' is no ascending list"),
    "backwards": (edited(STEP, observed=[[1, 0]]), 3, "'observed' is no ascending list"),
    "overlapping": (edited(STEP, observed=[[0, 1], 1]), 3, "'observed' is no ascending list"),
    "three": (edited(STEP, observed=[[0, 0, 1]]), 3, "'observed' is no ascending list"),
    "true seen": (edited(STEP, observed=[True]), 3, "'observed' is no ascending list"),
    "no view": (edited(STEP, observed="all"), 3, "'observed' is no list"),
    "object type": (edited(GAINED, objects=[["dragon", "box1"]]), 2, "unknown type 'dragon'"),
    "object name": (edited(GAINED, objects=[["thing", "x) (:goal (won))"]]), 2, "is no name of an object"),
    "variable": (edited(GAINED, objects=[["thing", "?x"]]), 2, "is no name of an object"),
    "empty name": (edited(GAINED, objects=[["thing", ""]]), 2, "is no name of an object"),
    "long name": (edited(GAINED, objects=[["thing", "x" * 81]]), 2, "is no name of an object"),
    "foreign name": (edited(GAINED, objects=[["thing", "bоx"]]), 2, "is no name of an object"),
    "object twice": (edited(GAINED, objects=[["thing", "box1", "box1"]]), 2, "object 'box1' stands twice"),
    "constant": (edited(GAINED, objects=[["thing", "hall"]]), 2, "object 'hall' stands twice"),
    "fact": (edited(GAINED, facts=[["next-to", "hall"]]), 2, "takes 2 arguments, not 1"),
    "fact twice": (edited(GAINED, facts=[["next-to", "hall", "hall"]] * 2), 2, "stands twice"),
    "gained field": (edited(GAINED, goal="win"), 2, "unknown field 'goal'"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_one_clear_error(case: str, tmp_path: Path) -> None:
    edit, line, message = HOSTILE[case]
    path = tmp_path / "hostile.jsonl"
    logged(path, story(), ROOMS)
    lines = path.read_bytes().splitlines()
    assert len(lines) == 5
    data = b"\n".join(edit(lines)) + b"\n"
    path.write_bytes(data)
    for read in (ExperienceBuffer.load, ExperienceLog):
        with pytest.raises(ExperienceProblem) as problem:
            read(path, ROOMS)
        assert str(problem.value).startswith(f"experience {path}: line {line}: ")
        assert message in str(problem.value)
        assert str(problem.value).isprintable()
    assert path.read_bytes() == data, "a file that is not ours is left alone"


def test_other_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    logged(path, story(), ROOMS)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert list(ExperienceBuffer.load(path, ROOMS)) == story()


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_BYTES", 500, "over the limit of 500 bytes"),
        ("MAX_LINE", 100, "over the limit of 100 bytes"),
        ("MAX_ENTRIES", 200, "over 200 values and names in all"),
    ],
)
def test_what_is_too_large_is_neither_read_nor_written(
    limit: str, value: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.jsonl"
    transitions = story()
    logged(path, transitions, ROOMS)
    for module in (experience, experience_lines):
        monkeypatch.setattr(module, limit, value, raising=False)
    with pytest.raises(ExperienceProblem, match=message):
        ExperienceBuffer.load(path, ROOMS)
    with pytest.raises(ExperienceProblem, match=r"limit|over|more than"):
        logged(tmp_path / "new.jsonl", transitions, ROOMS)
    with pytest.raises(ExperienceProblem, match=r"limit|over|more than"):
        buffer_of(transitions, ROOMS).save(tmp_path / "saved.jsonl")
    assert not (tmp_path / "saved.jsonl").exists()
    monkeypatch.undo()
    loaded = ExperienceBuffer.load(tmp_path / "new.jsonl", ROOMS)
    assert list(loaded) == transitions[: len(loaded)], "what was written before is whole"


def test_what_was_written_under_a_limit_is_read_under_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experience_lines, "MAX_ENTRIES", 2_000)
    path = tmp_path / "log.jsonl"
    universe = Universe(ROOMS)
    states = [State({("steps",): number}, universe) for number in range(2)]
    written = 0
    with (
        pytest.raises(ExperienceProblem, match="over 2000 values and names in all"),
        ExperienceLog(path, ROOMS) as log,
    ):
        while written < 5_000:
            seen = frozenset({"hall"} if written % 3 else ())
            log.append(Transition(states[written % 2], Action("wait"), states[1 - written % 2], seen))
            written += 1
    assert len(ExperienceBuffer.load(path, ROOMS)) == written > 100


@pytest.mark.parametrize(
    "line",
    [
        b'{"episode":%d}',
        b'{"episode":0,"step":%d,"action":["wait"],"change":[],"observed":[[0,1]]}',
        b'{"episode":0,"step":%d,"action":["wait"],"change":[["in","box1","hall"]],"observed":[]}',
    ],
)
def test_short_lines_cannot_fill_the_memory(line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.jsonl"
    logged(path, story(), ROOMS)
    data = path.read_bytes() + b'{"episode":0,"objects":[["thing","box1"]]}\n'
    path.write_bytes(data + b"".join(line % number + b"\n" for number in range(20_000)))
    monkeypatch.setattr(experience_lines, "MAX_ENTRIES", 20_000)
    with pytest.raises(ExperienceProblem, match="over 20000 values and names in all"):
        ExperienceBuffer.load(path, ROOMS)


@pytest.mark.parametrize("content", [b"dear diary", b"\x80\x04\x95", b'{"format":"worldwright-exp\xc3', b"{}"])
def test_a_file_of_another_kind_is_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "diary"
    path.write_bytes(content)
    for read in (ExperienceBuffer.load, ExperienceLog):
        with pytest.raises(ExperienceProblem, match=f"experience {path}: line 1: "):
            read(path, ROOMS)
    assert path.read_bytes() == content


def test_only_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    cases = {
        tmp_path: "not a regular file",
        tmp_path / "pipe": "not a regular file",
        tmp_path / "none.jsonl": "No such file",
        tmp_path / "file" / "log.jsonl": "Not a directory",
    }
    for path, message in cases.items():
        with pytest.raises(ExperienceProblem, match=f"experience {path}: {message}"):
            ExperienceBuffer.load(path, ROOMS)
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "file" / "log.jsonl"):
        with pytest.raises(ExperienceProblem, match=f"experience {path}: "):
            ExperienceLog(path, ROOMS)
    with pytest.raises(ExperienceProblem, match="experience"):
        buffer_of(story(), ROOMS).save(tmp_path / "file" / "saved.jsonl")


@settings(FILES, max_examples=200)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "damaged.jsonl"
    path.unlink(missing_ok=True)
    logged(path, story(), ROOMS)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 30))
        content[at : at + length] = data.draw(
            st.sampled_from([b"", b'"', b"]", b"[[", b"0", b"-1", b"null", b"true", b"\n", b'"hall"', b"{}"])
        )
    path.write_bytes(bytes(content))
    try:
        loaded = ExperienceBuffer.load(path, ROOMS)
    except ExperienceProblem as problem:
        assert str(problem).isprintable()
    else:
        loaded.save(path)
        assert list(ExperienceBuffer.load(path, ROOMS)) == list(loaded)
