"""What is written is what is read: rules, goals, vocabularies and models as text."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.world_model.strategies import goals, models, rules, states, vocabularies
from worldwright.envs.minigrid.vocabulary import VOCABULARY as MINIGRID
from worldwright.world_model.goal import parse_goal
from worldwright.world_model.language import Outcome
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import (
    load_model,
    parse_model,
    save_model,
    show_model,
    show_vocabulary,
    vocabulary_of,
)
from worldwright.world_model.sexpr import parse_one, show
from worldwright.world_model.state import parse_atom
from worldwright.world_model.syntax import check_rule, parse_rule, show_rule

TOGGLE = """(:rule toggle-unlocks
  :action toggle
  :parameters (?a - cell ?d - direction ?f - cell ?x - thing ?k - thing ?c - color)
  :precondition (and (agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x) (kind ?x door) (state ?x locked)\
 (holding ?k) (kind ?k key) (color ?k ?c) (color ?x ?c))
  :outcomes ((1 (and (not (state ?x locked)) (state ?x open))))
  :evidence (support 37 contradicted 0 author inducer learned-at 412))"""


def test_a_rule_is_shown_as_it_was_written() -> None:
    assert show_rule(parse_rule(MINIGRID, TOGGLE)) == TOGGLE


@given(st.data())
def test_rules_survive(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    rule = data.draw(rules(vocabulary))
    check_rule(vocabulary, rule)
    text = show_rule(rule)
    assert parse_rule(vocabulary, text) == rule
    assert show_rule(parse_rule(vocabulary, text)) == text
    assert parse_rule(vocabulary, show(parse_one(text))) == rule, "white space means nothing"


@given(st.floats(0, 1))
def test_probabilities_survive(probability: float) -> None:
    outcome = Outcome(probability)
    written = parse_one(str(outcome))
    assert Outcome(float(str(written[0]))) == outcome


@given(st.data())
def test_goals_survive(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    goal = data.draw(goals(vocabulary))
    assert parse_goal(vocabulary, str(goal)) == goal
    assert str(parse_goal(vocabulary, str(goal))) == str(goal)


@given(vocabularies())
def test_vocabularies_survive(vocabulary) -> None:
    text = show_vocabulary(vocabulary)
    assert vocabulary_of(parse_one(text)) == vocabulary
    assert show_vocabulary(vocabulary_of(parse_one(text))) == text


@given(st.data())
def test_models_survive(data: st.DataObject) -> None:
    model = data.draw(models(data.draw(vocabularies())))
    text = show_model(model)
    assert parse_model(text) == model
    assert show_model(parse_model(text)) == text
    assert parse_model(text.replace("\n", "\r\n")) == model


def test_a_model_survives_on_disk(tmp_path: Path) -> None:
    rule = parse_rule(MINIGRID, TOGGLE)
    model = WorldModel(MINIGRID, (rule,), (rule,), steps=412)
    path = tmp_path / "deep" / "minigrid.model"
    save_model(model, path)
    assert load_model(path) == model
    save_model(WorldModel(MINIGRID), path)
    assert load_model(path) == WorldModel(MINIGRID)
    assert [file.name for file in path.parent.iterdir()] == ["minigrid.model"], "nothing temporary is left"


@given(st.data())
def test_atoms_survive(data: st.DataObject) -> None:
    state = data.draw(states(data.draw(vocabularies())))
    for atom in state.atoms():
        assert parse_atom(str(atom)) == atom
        assert state.holds(atom)
