"""How far a goal has come over the states of an episode."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.world_model.test_pddl import FARM, farm
from worldwright.agent.belief import Belief
from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.goal import GoalTracker, in_turn, later_reaches, next_reaches, parse_goal
from worldwright.world_model.state import State, Value

NIGHT, HUNGRY, WOOL = (
    "(some () (and (night)))",
    "(some (?a - animal) (and (hungry ?a)))",
    "(some () (and (>= (wool) 2)))",
)
STATES: dict[str, dict[str, Value]] = {
    "n": {"night": True},
    "h": {"hungry__molly": True},
    "w": {"wool": 3},
    "-": {},
    "b": {"night": True, "wool": 2},
}
GOALS = (
    f"(then {NIGHT} (any {HUNGRY} {WOOL}) {NIGHT})",
    f"(all (then {NIGHT} {HUNGRY}) {WOOL})",
    f"(then {HUNGRY} (upon {NIGHT} {WOOL}))",
    f"(upon {NIGHT} (any {HUNGRY} {WOOL}))",
)


@pytest.mark.parametrize(
    ("goal", "walk", "done"),
    [
        (NIGHT, "-n", "01"),
        (HUNGRY, "nh-", "011"),
        (WOOL, "-w", "01"),
        (f"(any {NIGHT} {WOOL})", "-hw", "001"),
        (f"(all {NIGHT} {WOOL})", "w-n", "001"),
        (f"(all {NIGHT} {WOOL})", "b", "1"),
        (f"(then {NIGHT} {WOOL})", "w-n-w", "00001"),
        (f"(then {NIGHT} (any {HUNGRY} {WOOL}) {NIGHT})", "hn-hwn", "000001"),
        (f"(any (then {NIGHT} {HUNGRY}) {WOOL})", "n-h", "001"),
        (f"(all (then {NIGHT} {HUNGRY}) {WOOL})", "nwh", "001"),
        (f"(upon {NIGHT} {WOOL})", "wn-wnnw", "0000001"),
        (f"(upon {NIGHT} {WOOL})", "b-bw", "0001"),
        (f"(then {HUNGRY} (upon {NIGHT} {WOOL}))", "nwhwnb", "000001"),
        (f"(upon {NIGHT} (any {HUNGRY} {WOOL}))", "h-nh", "0001"),
    ],
)
def test_progress_is_kept(goal: str, walk: str, done: str) -> None:
    tracker = GoalTracker(FARM, parse_goal(FARM, goal))
    assert "".join(str(int(tracker.update(farm(**STATES[step])) is None)) for step in walk) == done
    tracker = GoalTracker(FARM, parse_goal(FARM, goal))
    assert "".join(str(int(tracker.update(state) is None)) for state in traced(walk)) == done


@given(st.text("nhw-b", max_size=12), st.sampled_from(GOALS))
def test_what_is_not_asked_anew_is_as_it_was(walk: str, goal: str) -> None:
    whole, traced_ = (GoalTracker(FARM, parse_goal(FARM, goal)) for _ in range(2))
    for step, state in zip(walk, traced(walk), strict=True):
        assert whole.update(farm(**STATES[step])) == traced_.update(state)
        assert whole.found == traced_.found


def traced(walk: str) -> Iterator[State]:
    """The states of a walk, each knowing how it differs from the one before."""
    belief = Belief(FARM, farm().universe, traced=True)
    for step in walk:
        after = farm(**STATES[step])
        belief.update({**dict.fromkeys(belief.values), **after.values})
        yield belief.state()


def test_what_comes_next() -> None:
    goal = parse_goal(FARM, f"(all (then {NIGHT} {HUNGRY}) {WOOL})")
    assert list(map(str, next_reaches(goal))) == [NIGHT, WOOL]
    tracker = GoalTracker(FARM, goal)
    tracker.update(farm(**STATES["n"]))
    assert tracker.remaining is not None
    assert list(map(str, next_reaches(tracker.remaining))) == [HUNGRY, WOOL]


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        (NIGHT, [[NIGHT]]),
        (f"(then {NIGHT} {HUNGRY} {WOOL})", [[NIGHT], [HUNGRY], [WOOL]]),
        (f"(then {NIGHT} (upon {HUNGRY} {WOOL}) {NIGHT})", [[NIGHT], [HUNGRY], [WOOL], [NIGHT]]),
        (f"(upon {HUNGRY} {WOOL} begun)", [[WOOL]]),
        (f"(then {NIGHT} (all {HUNGRY} {WOOL}) {NIGHT})", [[NIGHT], [HUNGRY, WOOL]]),
        (f"(any {NIGHT} (then {HUNGRY} {WOOL}))", [[NIGHT, HUNGRY]]),
    ],
)
def test_what_comes_in_turn_is_told_as_far_as_it_is_certain(text: str, turns: list[list[str]]) -> None:
    told = in_turn(parse_goal(FARM, text))
    assert [[str(reach) for reach in next_reaches(left)] for left in told] == turns


def test_a_goal_that_starts_over_is_told_once() -> None:
    """What is to be reached at once after something is not reached by its parts in turn."""
    told = in_turn(parse_goal(FARM, f"(upon {NIGHT} (then {HUNGRY} {WOOL}))"))
    assert [str(reach) for left in told for reach in next_reaches(left)] == [NIGHT, HUNGRY]


def test_what_is_reached_from_elsewhere_asks_to_be_there_again() -> None:
    tracker = GoalTracker(FARM, parse_goal(FARM, f"(upon {NIGHT} {WOOL})"))
    expected = {"-": (NIGHT, [WOOL]), "n": (WOOL, []), "h": (NIGHT, [WOOL]), "w": (NIGHT, [WOOL])}
    for step, (reach, later) in expected.items():
        remaining = tracker.update(farm(**STATES[step]))
        assert remaining is not None
        assert list(map(str, next_reaches(remaining))) == [reach]
        assert list(map(str, later_reaches(remaining))) == later
        assert parse_goal(FARM, str(remaining)) == remaining


def test_what_was_so_before_its_turn_is_found_until_it_is_made_anew() -> None:
    tracker = GoalTracker(FARM, parse_goal(FARM, f"(then {NIGHT} {WOOL} {HUNGRY})"))
    found = []
    for step in "wbwh-wnb":  # there is enough wool when night comes; the animal gets hungry in its turn
        tracker.update(farm(**STATES[step]))
        found.append(list(map(str, tracker.found)))
    assert found == [[], [WOOL], [WOOL], [WOOL], [WOOL], [], [], []]
    assert tracker.remaining is None


@pytest.mark.parametrize(
    ("goal", "walk"),
    [
        (f"(upon {NIGHT} {WOOL})", "-nw"),
        (f"(then {NIGHT} (any {HUNGRY} {WOOL}))", "-nh"),
        (f"(all {NIGHT} {WOOL})", "-b"),
    ],
)
def test_what_is_made_so_in_its_turn_is_not_found(goal: str, walk: str) -> None:
    tracker = GoalTracker(FARM, parse_goal(FARM, goal))
    for step in walk:
        tracker.update(farm(**STATES[step]))
    assert tracker.remaining is None and not tracker.found


def test_of_alternatives_only_the_one_that_was_so_is_found() -> None:
    tracker = GoalTracker(FARM, parse_goal(FARM, f"(then {NIGHT} (any {HUNGRY} {WOOL}))"))
    for step in "-b":
        tracker.update(farm(**STATES[step]))
    assert list(map(str, tracker.found)) == [WOOL]


def test_what_is_so_at_first_is_found() -> None:
    tracker = GoalTracker(FARM, parse_goal(FARM, f"(all {NIGHT} {WOOL})"))
    tracker.update(farm(**STATES["n"]))
    tracker.update(farm(**STATES["w"]))
    assert tracker.remaining is None
    assert list(map(str, tracker.found)) == [NIGHT]


@pytest.mark.parametrize("text", [f"(upon {NIGHT})", f"(upon {NIGHT} {WOOL} {HUNGRY})", f"(upon {NIGHT} {WOOL} now)"])
def test_one_is_reached_upon_one_other(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        parse_goal(FARM, text)
