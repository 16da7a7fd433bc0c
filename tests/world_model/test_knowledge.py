"""The knowledge graph of a model: what rules require, produce, consume and enable."""

import json
from dataclasses import replace

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.world_model.strategies import models, vocabularies
from tests.world_model.test_pddl import DOORKEY, FARM, model_of
from worldwright.envs.household.vocabulary import VOCABULARY as HOUSEHOLD
from worldwright.world_model.edges import FOUND_IN, Edge
from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.findings import Findings
from worldwright.world_model.knowledge import KnowledgeGraph
from worldwright.world_model.language import Evidence
from worldwright.world_model.model import WorldModel

DOORS = KnowledgeGraph.of(DOORKEY)


def test_a_rule_is_related_to_what_it_says() -> None:
    assert DOORS.related("unlock", "requires") == [
        "action toggle",
        "agent-at",
        "facing",
        "on kind=door",
        "kind=door",
        "state=locked of kind=door",
        "holding kind=key",
        "kind=key",
    ]
    assert DOORS.related("unlock", "produces") == ["state=open of kind=door"]
    assert DOORS.related("unlock", "consumes") == ["state=locked of kind=door"]
    assert DOORS.related("take", "produces") == ["holding kind=key", "on=nothing"]
    assert DOORS.related("take", "consumes") == ["on kind=key", "holding=nothing"]


def test_rules_enable_those_that_require_what_they_produce() -> None:
    assert DOORS.related("take", "enables") == ["rule step", "rule unlock"]
    assert DOORS.related("unlock", "enables") == ["rule step-through", "rule close"]
    assert DOORS.enabling("open") == ["close"]
    assert DOORS.enabling("unlock") == ["take"], "closing a door does not lock it"
    assert DOORS.enabling("take") == [], "no rule empties the hand"
    via = DOORS.graph.edges["rule take", "rule unlock", "enables"]["via"]
    assert via == ["holding kind=key"]


def test_concepts_are_nodes_with_what_they_are_made_of() -> None:
    assert DOORS.graph.nodes["state=locked of kind=door"] == {
        "type": "concept",
        "predicate": "state",
        "constants": ["locked"],
    }
    assert DOORS.graph.nodes["rule unlock"] == {"type": "rule", "support": 0, "contradicted": 0}
    assert DOORS.graph.nodes["action toggle"] == {"type": "action"}
    assert "holding kind=key" in DOORS.concepts()
    assert not any(concept.startswith("next") for concept in DOORS.concepts()), "the map is no concept"


def test_the_text_tells_a_rule_a_paragraph() -> None:
    assert str(DOORS).split("\nrule unlock\n")[1].split("rule open\n")[0] == (
        "  requires action toggle, agent-at, facing, on kind=door, kind=door, state=locked of kind=door,"
        " holding kind=key, kind=key\n"
        "  produces state=open of kind=door\n"
        "  consumes state=locked of kind=door\n"
        "  enables rule step-through, rule close\n"
    )


@pytest.mark.parametrize(
    ("makes", "needs", "enables"),
    [
        ("(night)", "(night)", True),
        ("(not (night))", "(night)", False),
        ("(not (night))", "(not (night))", True),
        ("(hungry ?s)", "(hungry ?t)", False),  # of no thing in particular: says too little
        ("(increase (wool) 1)", "(>= (wool) 2)", True),
        ("(increase (wool) 1)", "(<= (wool) 2)", False),
        ("(increase (wool) -1)", "(<= (wool) 2)", True),
        ("(decrease (wool) 1)", "(<= (wool) 2)", True),
        ("(decrease (wool) 1)", "(= (wool) 2)", True),
        ("(assign (wool) 1)", "(>= (wool) 2)", True),
        ("(increase (grass barn) 1)", "(>= (grass barn) 2)", True),
        ("(increase (grass barn) 1)", "(>= (grass ?p) 2)", True),
        ("(increase (grass ?p) 1)", "(>= (wool) 2)", False),
        ("(not (mood-of ?s afraid)) (mood-of ?s calm)", "(mood-of ?t calm)", True),
        ("(not (mood-of ?s afraid)) (mood-of ?s calm)", "(mood-of ?t afraid)", False),
        ("(not (mood-of ?s afraid)) (mood-of ?s calm)", "(not (mood-of ?t afraid))", True),
        ("(not (mood-of ?s afraid)) (mood-of ?s calm)", "(exists (?u - animal) (and (mood-of ?u calm)))", True),
        ("(not (mood-of ?s afraid)) (mood-of ?s calm)", "(not (exists (?u - animal) (and (mood-of ?u afraid))))", True),
        ("(not (mood-of ?s afraid)) (mood-of ?s calm)", "(not (exists (?u - animal) (and (mood-of ?u calm))))", False),
        ("(not (hungry ?s))", "(not (exists (?u - animal) (and (at ?u barn) (hungry ?u))))", True),
        ("(hungry ?s)", "(not (exists (?u - animal) (and (at ?u barn) (hungry ?u))))", False),
        ("(hungry ?s)", "(hungry ?t) (at ?t barn)", True),
    ],
)
def test_enabling(makes: str, needs: str, enables: bool) -> None:
    parameters = "?s - animal ?t - animal ?p - place"
    laws = [
        ("maker", "bark", parameters, "(mood-of ?s afraid)" if "mood" in makes else "", makes),
        ("user", "bark", parameters, needs, "(not (leader ?s))"),
    ]
    graph = KnowledgeGraph.of(model_of(FARM, laws))
    assert ("maker" in graph.enabling("user")) == enables


def test_an_outcome_of_little_chance_is_told_too() -> None:
    graph = KnowledgeGraph.of(model_of(FARM, [("r", "bark", "", "", "(0.9 (and)) (0.1 (and (night)))")]))
    assert graph.related("r", "produces") == ["night"]


def test_a_denied_concept_is_marked() -> None:
    graph = KnowledgeGraph.of(model_of(FARM, [("r", "bark", "", "(not (night))", "(night)")]))
    assert graph.related("r", "requires") == ["action bark", "not night"]


@given(st.data())
def test_data_survives_json_and_is_always_the_same(data: st.DataObject) -> None:
    model = data.draw(models(data.draw(vocabularies())))
    graph = KnowledgeGraph.of(model)
    text = json.dumps(graph.to_data())
    assert json.dumps(KnowledgeGraph.of(model).to_data()) == text
    back = KnowledgeGraph.from_data(json.loads(text))
    assert nx.utils.graphs_equal(back.graph, graph.graph)
    assert str(back) == str(graph) and json.dumps(back.to_data()) == text
    for rule in model.rules:
        assert f"action {rule.action}" in graph.related(rule.name, "requires")
        for target in graph.related(rule.name, "enables"):
            assert rule.name in graph.enabling(target.removeprefix("rule "))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"nodes": 3, "edges": []},
        {"nodes": [{}], "edges": []},
        {"nodes": [{"id": "a"}], "edges": []},
        {"nodes": [{"id": "a", "type": "spell"}], "edges": []},
        {"nodes": [{"id": "a", "type": "rule"}], "edges": [{"source": "a", "target": "a", "key": 0}]},
        {"nodes": [{"id": "a", "type": "rule"}], "edges": [{"source": "a", "target": "b", "relation": "requires"}]},
        {"nodes": [], "edges": [[]]},
        {
            "nodes": [{"id": "a", "type": "action"}],
            "edges": [{"source": "a", "target": "a", "key": 0, "relation": "requires", "author": "llm"}],
        },
    ],
)
def test_data_of_something_else_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(SyntaxProblem, match="no knowledge graph"):
        KnowledgeGraph.from_data(data)


# -- what was said ----------------------------------------------------------------------------------------


def said(model: WorldModel, *edges: Edge) -> list[str]:
    """What the graph's text says of somebody's words."""
    text = str(KnowledgeGraph.of(replace(model, edges=edges)))
    return [line.removeprefix("said: ") for line in text.splitlines() if line.startswith("said: ")]


def test_a_word_is_marked_as_such_until_rules_bear_it_out_or_refute_it() -> None:
    borne_out = replace(DOORKEY, rules=tuple(rule.with_evidence(Evidence(support=9)) for rule in DOORKEY.rules))
    words = (
        Edge("toggle", "requires", "key"),
        Edge("toggle", "produces", "open"),
        Edge("toggle", "requires", "red"),
        Edge("drop", "produces", "door"),
        Edge("open", "requires", "locked"),
    )
    assert said(borne_out, *words[:2]) == [
        "action toggle requires kind=key: observed (support 9 contradicted 18)",
        "action toggle produces state=open: observed (support 18 contradicted 9)",
    ]
    assert said(borne_out, words[2])[0].endswith(": refuted (support 0 contradicted 27)")
    assert said(borne_out, words[3])[0].endswith("kind=door: not observed yet")
    assert said(borne_out, words[4])[0].startswith("state=open requires state=locked: observed")
    assert said(replace(DOORKEY, rules=()), words[2])[0].endswith(": not observed yet")


def test_where_things_are_said_to_be_is_held_against_what_was_found() -> None:
    found = Findings()
    for sort, kinds in [("cabinet", ["mug"])] * 2 + [("shelf", [])] * 4:
        found = found.and_in(sort, kinds, was_shut=False)
    model = WorldModel(HOUSEHOLD, findings=found)
    in_cabinet, on_shelf = Edge("mug", FOUND_IN, "cabinet"), Edge("mug", FOUND_IN, "shelf")
    assert said(model, in_cabinet, on_shelf) == [
        "kind=mug usually-found-in sort=cabinet: observed (support 2 contradicted 0)",
        "kind=mug usually-found-in sort=shelf: not observed yet (support 0 contradicted 2)",
    ]
    model = replace(model, findings=found.and_in("shelf", [], was_shut=False))
    assert said(model, on_shelf) == ["kind=mug usually-found-in sort=shelf: refuted (support 0 contradicted 2)"]
    assert model.expectations.usual == frozenset()
    assert replace(model, edges=(in_cabinet, on_shelf)).expectations.usual == {("mug", "cabinet")}


def test_words_are_edges_between_the_nodes_of_rules_and_are_no_part_of_any_rule() -> None:
    model = replace(DOORKEY, edges=(Edge("key", "usually-found-in", "nothing"), Edge("toggle", "requires", "key")))
    graph = KnowledgeGraph.of(model)
    assert graph.graph.edges["action toggle", "kind=key", "requires says llm"]["author"] == "llm"
    assert graph.graph.nodes["nothing"]["type"] == "concept"
    assert graph.related("unlock", "requires") == DOORS.related("unlock", "requires")


def test_no_rules_no_knowledge() -> None:
    assert str(KnowledgeGraph.of(WorldModel(FARM))) == ""
