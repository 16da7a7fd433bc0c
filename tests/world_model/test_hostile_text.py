"""Text from strangers: an LLM's rules, a downloaded model. Each is a value or one clear error, and soon."""

import dataclasses
import functools
import os
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.world_model.strategies import rules, vocabularies
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.errors import MAX_MESSAGE, SyntaxProblem, VocabularyProblem, WorldwrightError
from worldwright.world_model.goal import parse_goal
from worldwright.world_model.language import Exists, LiftedAtom, Literal, Outcome
from worldwright.world_model.model import WorldModel
from worldwright.world_model.model_file import load_model, parse_model, show_model, show_vocabulary, vocabulary_of
from worldwright.world_model.sexpr import MAX_TEXT, parse_one
from worldwright.world_model.state import parse_atom
from worldwright.world_model.syntax import check_rule, parse_rule, show_rule
from worldwright.world_model.vocabulary import Variable

GOOD = """(:rule opens
  :action toggle
  :parameters (?x - thing)
  :precondition (and (state ?x closed) (kind ?x door))
  :outcomes ((1 (and (not (state ?x closed)) (state ?x open))))
  :evidence (support 3 contradicted 0 author llm learned-at 5))"""
MODEL = show_model(WorldModel(VOCABULARY, (parse_rule(VOCABULARY, GOOD),), steps=9))
WON = "(:rule r :action toggle :parameters ({}) :precondition (and {}) :outcomes ((1 (and {}))))"


def refused(read, text: str, seconds: float = 20) -> str:
    """The message with which `read` refuses the text: one short printable line, within the time."""
    begin = time.process_time()
    with pytest.raises(WorldwrightError) as caught:
        read(text)
    assert time.process_time() - begin < seconds
    message = str(caught.value)
    assert message and message.isprintable() and len(message) <= MAX_MESSAGE
    message.encode()  # no lone surrogate is left to break a log
    return message


def refused_rule(text: str) -> str:
    return refused(lambda rule: parse_rule(VOCABULARY, rule), text)


def test_the_rule_that_the_others_are_made_from_is_good() -> None:
    assert show_rule(parse_rule(VOCABULARY, GOOD)) == GOOD
    assert parse_model(MODEL).rules[0].name == "opens"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("toggle", "twiddle", "unknown action 'twiddle'"),
        ("- thing", "- gadget", "unknown type 'gadget'"),
        ("(kind ?x door)", "(sort ?x door)", "unknown predicate 'sort'"),
        ("(kind ?x door)", "(kind ?x portal)", "'portal' is not declared"),
        ("(kind ?x door)", "(kind ?y door)", "'?y' is not declared"),
        ("(kind ?x door)", "(kind door ?x)", "not a thing"),
        ("(kind ?x door)", "(kind ?x)", "takes 2"),
        ("(kind ?x door)", "(kind ?x red)", "'red' is a color, not a kind"),
        ("(kind ?x door)", "(> (count ?x) 1)", "list"),
        ("(kind ?x door)", "(>= (count ?x) 1)", "unknown counter"),
        ("(kind ?x door)", "(not (not (kind ?x door)))", "denied"),
        ("(kind ?x door)", "(or (kind ?x door))", "list"),
        ("(kind ?x door)", "(exists (?x - thing) (and (kind ?x door)))", "outer variable"),
        ("(kind ?x door)", "(exists (?y - thing) (and (exists () (and))))", "exists inside exists"),
        ("(kind ?x door)", "()", "empty"),
        ("(kind ?x door)", "kind", "brackets"),
        ("?x - thing", "?x ?x - thing", "twice"),
        ("?x - thing", "?x - thing ?x - cell", "twice"),
        ("?x - thing", "- thing ?x", "no variable"),
        ("?x - thing", "?x -", "a type"),
        ("?x - thing", "?x - (either thing cell)", "a type"),
        ("?x - thing", "x - thing", "'x' is no variable"),
        ("?x - thing", "?X - thing", "'?X' is no variable"),
        (":action toggle", "", ":action is missing"),
        (":action toggle", ":action toggle :action toggle", "stands twice"),
        (":action toggle", ":action toggle :cost 1", "':cost' is no field"),
        (":evidence", ":proof", "':proof' is no field"),
        ("support 3", "support -3", "no number"),
        ("support 3", "support 3e9", "no number"),
        ("support 3", "support 9999999999999", "no number"),
        ("support 3", "support 3 support 4", "twice"),
        ("support 3", "supporters 3", "supporters"),
        ("support 3 ", "", "evidence without support"),
        ("author llm", "author LLM!", "not a symbol"),
        ("author llm", "author Llm", "not a name"),
        ("learned-at 5", "learned-at 5 proud", "without a value"),
        (":rule opens", ":rule", "':action' is not a name"),
        (":rule opens", ":rule (opens)", "begins with"),
        (":rule opens", ":rule Opens", "not a name"),
        (":rule opens", ":rule and", "not a name"),
        (":rule opens", ":rule " + "o" * 65, "not a name"),
        (":rule opens", ":rule " + "o" * 81, "not a symbol"),
        ("(state ?x open)", "(state ?x closed)", "both adds and deletes"),
        ("(not (state ?x closed)) (state ?x open)", "(state ?x open)", "does not delete the value"),
        ("(state ?x open)", "(state ?x open) (state ?x locked)", "same thing twice"),
        ("(state ?x open)", "(won) (won)", "same thing twice"),
        ("(state ?x open)", "(won) (not (won))", "both adds and deletes"),
        ("(state ?x open)", "(clockwise north east)", "never changes"),
        ("(state ?x open)", "(= ?x ?x)", "an effect is"),
        ("(state ?x open)))", "(state ?x open) (side ?y at-left)))", "'?y' is not declared"),
        ("(state ?x open)", "(exists () (and))", "an effect is"),
        ("(state ?x open)", "(increase (wood) 1)", "unknown counter"),
        ("(state ?x open)", "(increase wood 1)", "brackets"),
        ("((1 (and", "((0.5 (and", "add up"),
        ("((1 (and", "((1 (and)) (1 (and", "add up"),
        *(
            ("((1 (and", f"(({odd} (and", "probability")
            for odd in ("nan", "inf", "1e999", "1e-999", "-1", "2", "0x1", "1_0")
        ),
        ("((1 (and", "(((1) (and", "probability"),
        ("((1 (and", "(1 (and", "too many"),
        ("((1 (and", "(1 ((and", "brackets"),
    ],
)
def test_a_rule_with_one_fault_is_refused_with_its_name(old: str, new: str, says: str) -> None:
    assert old in GOOD
    assert says in refused_rule(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    "name",
    [
        "kіnd",  # a Cyrillic letter
        "kind\u200b",  # zero-width space
        "k\u200dind",  # zero-width joiner
        "\u202edoor",  # right-to-left override
        "kind\ud800",  # lone surrogate
        "ｋｉｎｄ",  # full width
        "kind\x00",
        "kind\x1b[2J",
        "'kind'",
        '"kind"',
        "{0.__globals__}",
        "__import__",
        "kind,",
        "`kind`",
        "|kind|",
        "#.(quit)",
        "\\kind",
    ],
)
def test_a_name_of_other_letters_is_refused(name: str) -> None:
    refused_rule(GOOD.replace("kind", name))
    refused_rule(GOOD.replace("opens", name))
    refused(parse_model, MODEL.replace("(kind thing kind :functional)", f"({name} thing kind :functional)"))
    refused(parse_atom, f"({name}\x07 door1)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "; only a comment",
        "(",
        ")",
        "())",
        "(:rule",
        "nonsense",
        "()",
        "(())",
        "((:rule r))",
        "(:rule (r))",
        "(:rule r :action)",
        "(:rule r (:action toggle))",
        GOOD + GOOD,
        GOOD + ")",
        "```lisp\n" + GOOD + "\n```",
        "Here is the rule:\n" + GOOD,
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    refused_rule(text)
    refused(parse_model, text)
    refused(lambda goal: parse_goal(VOCABULARY, goal), text)


def test_an_effect_cannot_make_a_thing_what_its_type_is_not() -> None:
    text = WON.format("?x - object ?y - thing", "{}", "(not (on ?c ?y)) (on ?c ?x)").replace("(?x", "(?c - cell ?x")
    parse_rule(VOCABULARY, text.format("(on ?c ?y) (kind ?x ball)"))
    assert "'?x' is a object, not a thing" in refused_rule(text.format("(on ?c ?y) (not (kind ?x ball))"))


def test_size_is_bounded_before_anything_is_built() -> None:
    door = "(kind ?x door)"
    assert "64" in refused_rule(WON.format("?x - thing", door * 65, "(won)"))
    nested = f"(exists (?y - thing) (and {door * 40}))"
    assert "64" in refused_rule(WON.format("?x - thing", nested * 2, "(won)"))
    assert "64" in refused_rule(WON.format("?x - thing", door * 100_000, "(won)"))
    assert "64" in refused_rule(WON.format("?x - thing", door, "(not (kind ?x door))" * 10_000))
    thousand = " ".join(f"?x{i}" for i in range(1000))
    assert "16" in refused_rule(WON.format(thousand, "", "(won)"))
    assert "16" in refused_rule(WON.format("", f"(exists ({thousand}) (and))", "(won)"))
    assert "16" in refused_rule(WON.format("", "", "(won)").replace("((1 (and (won))))", f"({'(0.05 (and))' * 20})"))
    assert "arguments" in refused_rule(WON.format("", f"(kind {'door ' * 10_000})", "(won)"))
    assert "limit" in refused_rule(GOOD + " " * MAX_TEXT)


@pytest.mark.parametrize("opening", ["(", "(and ", "(not ", "(:rule ", "(exists () (and "])
def test_depth_is_bounded(opening: str) -> None:
    for depth in (41, 100_000):
        for closing in ("", ")" * depth * opening.count("(")):
            message = refused_rule(opening * depth + closing)
            refused(parse_model, opening * depth + closing)
        assert "deep" in message
    refused(lambda goal: parse_goal(VOCABULARY, goal), "(any " * 39 + "(some () (and))" + ")" * 38)


@pytest.mark.parametrize("number", ["9" * 79, "9" * 5000, "-99999999", "1e9", "1.5", "0x10", "1_000", "nan", "--1"])
def test_numbers_are_bounded(number: str) -> None:
    vocabulary = vocabulary_of(
        parse_one("(:vocabulary v (:types) (:predicates (won)) (:actions (go)) (:counters (n 0 9)))")
    )
    for condition, effect in ((f"(>= (n) {number})", "(won)"), ("", f"(increase (n) {number})")):
        text = WON.format("", condition, effect).replace("toggle", "go")
        refused(lambda rule: parse_rule(vocabulary, rule), text)
    refused(parse_model, MODEL.replace(":steps 9", f":steps {number}"))


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("(:counters (n 5 2))", "no range"),
        ("(:counters (n 0 9999999999))", "no range"),
        (f"(:counters (n 0 {'9' * 5000}))", "symbol"),
        ("(:counters (n 0))", "cannot read"),
        ("(:counters (n one two))", "cannot read"),
        ("(:counters (won 0 1))", "declared twice"),
        ("(:counters n)", "no list of names"),
        ("(:counters ((n) 0 1))", "no list of names"),
        ("(:constants (a t))", "unknown type 't'"),
        ("(:constants (a object) (a object))", "declared twice: a"),
        ("(:constants (a object extra))", "cannot read"),
        ("(:facts (won))", "static"),
        ("(:facts (lost))", "unknown predicate"),
        ("(:actions (go))", "repeated section"),
        ("(:axioms)", "unknown or repeated section"),
        (":constants", "unknown or repeated section"),
        ("()", "unknown or repeated section"),
    ],
)
def test_a_vocabulary_with_one_fault_is_refused(section: str, says: str) -> None:
    text = f"(:vocabulary v (:types) (:predicates (won)) (:actions (go)) {section})"
    assert says in refused(lambda one: vocabulary_of(parse_one(one)), text)


@pytest.mark.parametrize(
    ("predicates", "says"),
    [
        ("(p :functional)", "needs an argument"),
        ("(p a :injective)", "must be functional"),
        ("(p a :default x)", "must be functional"),
        ("(p a :functional :default y)", "no constant"),
        ("(p b :functional :default x)", "no constant"),
        ("(p a :quick)", "unknown mark"),
        ("(:functional a)", "not a name"),
        ("(p z)", "unknown type 'z'"),
        (f"(p {'a ' * 9})", "arguments"),
        ("(p) (p)", "declared twice"),
        ("(object)", "not a name"),
    ],
)
def test_a_predicate_with_one_fault_is_refused(predicates: str, says: str) -> None:
    text = (
        f"(:vocabulary v (:types (a object) (b object)) (:constants (x a)) (:predicates {predicates}) (:actions (go)))"
    )
    assert says in refused(lambda one: vocabulary_of(parse_one(one)), text)


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ("(a b) (b a)", "circular"),
        ("(a a)", "circular"),
        ("(a nowhere)", "unknown type"),
        ("(a)", "cannot read"),
        ("(a object nominal nominal)", "cannot read"),
        ("(a object nominl)", "cannot read"),
        ("(object object)", "not a name"),
        (" ".join(f"(t{i} t{i + 1})" for i in range(100_000)), "limit"),
        (" ".join(f"(t{i} t{i + 1})" for i in range(5_000)) + "(t5000 object)", "deep"),
        ("(t object)" * 9_000, "declared twice: t"),
    ],
)
def test_types_with_one_fault_are_refused(types: str, says: str) -> None:
    text = f"(:vocabulary v (:types {types}) (:predicates (won)) (:actions (go)))"
    assert says in refused(lambda one: vocabulary_of(parse_one(one)), text)


def test_a_vocabulary_without_its_parts_is_refused() -> None:
    message = refused(lambda one: vocabulary_of(parse_one(one)), "(:vocabulary v (:types))")
    assert ":actions, :predicates missing" in message
    refused(lambda one: vocabulary_of(parse_one(one)), "(:vocabulary (v) (:types) (:predicates) (:actions))")


def test_rules_that_were_never_text_are_checked_as_well() -> None:
    good = parse_rule(VOCABULARY, GOOD)
    door, won = Literal(LiftedAtom("kind", ("?x", "door"))), Literal(LiftedAtom("won", ()))
    changed = functools.partial(dataclasses.replace, good)
    for bad in (
        changed(name="Bad name"),
        changed(outcomes=(Outcome(float("nan")),)),
        changed(outcomes=(Outcome(-0.5), Outcome(1.5))),
        changed(outcomes=(Outcome(float("inf")), Outcome(-float("inf")))),
        changed(outcomes=()),
        changed(outcomes=(Outcome(1, (won,) * 65),)),
        changed(preconditions=(door,) * 65),
        changed(preconditions=(Exists((), (door,) * 40),) * 2),
        changed(parameters=(*good.parameters, *good.parameters)),
        changed(parameters=(*good.parameters, Variable("y", "thing"))),
        changed(parameters=(*good.parameters, *(Variable(f"?y{i}", "thing") for i in range(16)))),
    ):
        refused(lambda _, bad=bad: check_rule(VOCABULARY, bad), "")


# -- goals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "(some (?x - thing) (and (kind ?x unicorn)))",
        "(some (?x - thing))",
        "(some (?x - thing) (kind ?x door))",
        "(some (?x ?x - thing) (and))",
        "(any)",
        "(none (some () (and)))",
        "(then (some () (and)) door)",
        "(any " + "(some () (and))" * 40 + ")",
        f"(some ({' '.join(f'?x{i}' for i in range(17))}) (and))",
        "(some (?x - thing) (and " + "(kind ?x door)" * 65 + "))",
    ],
)
def test_what_is_no_goal_is_refused(text: str) -> None:
    refused(lambda goal: parse_goal(VOCABULARY, goal), text)


# -- files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("(:world-model 1", "(:world-model 2", "version 2; this program reads version 1"),
        ("(:world-model 1 :steps 9", "(:world-model 2 :steps 9 :mood good", "version 2"),
        ("(:world-model 1", "(:world-model 0", "version 0"),
        ("(:world-model 1", "(:world-model (1)", "version (1)"),
        ("(:world-model 1", "(:world-model", "version"),
        (":steps 9", ":steps 9 :mood good", "':mood' is no field"),
        (":steps 9", ":steps -9", "no number"),
        (":steps 9", "", "number"),
        ("(:rule opens", "stray (:rule opens", "found stray"),
        ("(:rule opens", "() (:rule opens", "found ()"),
        ("(:rule opens", "(:law opens", "(:law"),
        ("(:vocabulary", "(:glossary", "expected (:vocabulary"),
        ("(thing object)", "", "unknown type 'thing'"),
        ("(agent-at cell :functional)", "(agent-at cell :functional :magic)", "unknown mark"),
        ("(clockwise east south)", "(clockwise east red)", "'red' is no constant"),
        ("(clockwise east south)", "(clockwise east)", "does not fit"),
    ],
)
def test_a_model_file_with_one_fault_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MODEL
    path = tmp_path / "bad.model"
    path.write_text(MODEL.replace(old, new, 1))
    message = refused(load_model, path)  # type: ignore[arg-type]
    assert says in message and "bad.model" in message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "begins with"),
        (b"\xef\xbb\xbf" + MODEL.encode(), "not a symbol"),
        (MODEL.encode("utf-16"), "codec"),
        (b"\xff\xfe\x00", "codec"),
        (MODEL.encode() + b"\x00", "not a symbol"),
        (b"\x00" * 4096, "not a symbol"),
        (b"\x80\x04\x95\x10\x00\x00\x00.", "codec"),  # a pickle
        (b"\x1f\x8b\x08\x00", "codec"),  # gzip
        (MODEL.encode()[:-3], "before its last"),
        (MODEL.encode()[:400], "before its last"),
        (b"(" * 10_000_000, "limit"),
        (b" " * MAX_TEXT + b" ", "limit"),
    ],
)
def test_bytes_that_are_no_model_are_refused(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "some.model"
    path.write_bytes(data)
    message = refused(load_model, path)  # type: ignore[arg-type]
    assert says in message and "some.model" in message


def test_every_truncation_is_refused() -> None:
    text = MODEL.rstrip()
    for length in range(0, len(text), 7):
        refused(parse_model, text[:length])


def test_line_ends_of_every_kind_and_comments_are_read() -> None:
    commented = MODEL.replace("\n\n", "\n; a comment (:rule\n\n")
    for ending in ("\n", "\r\n", "\r"):
        assert parse_model(commented.replace("\n", ending)) == parse_model(MODEL)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # to open it would block for ever
    link = tmp_path / "link"
    link.symlink_to(pipe)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    hidden = tmp_path / "new\nline\x1b[2J"
    for path in (
        pipe,
        link,
        loop,
        tmp_path,
        tmp_path / "none",
        Path("/dev/zero"),
        Path("/dev/null"),
        Path("a\0b"),
        hidden,
    ):
        refused(load_model, path)  # type: ignore[arg-type]


def test_a_link_to_a_model_is_a_model(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(MODEL)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert load_model(tmp_path / "link") == parse_model(MODEL)


# -- anything at all --------------------------------------------------------------------------------------

WORDS = [
    "(",
    ")",
    "and",
    "not",
    "exists",
    ":rule",
    ":action",
    "toggle",
    "?x",
    "-",
    "thing",
    "1",
    "0.5",
    "=",
    ">=",
    "some",
]
PARTS = st.sampled_from(
    [*WORDS, "any", ";", "é", "\0", " ", "\n", "(kind ?x door)", "(:vocabulary", "(:world-model 1 :steps 3)"]
)


@given(st.one_of(st.text(), st.lists(PARTS, max_size=40).map("".join)))
@example("(:world-model 1 :steps 0)")
@example("(:world-model 1 :steps 0) (:vocabulary v)")
def test_any_text_is_a_value_or_one_error(text: str) -> None:
    readers = (
        lambda: parse_rule(VOCABULARY, text),
        lambda: parse_goal(VOCABULARY, text),
        lambda: parse_model(text),
        lambda: vocabulary_of(parse_one(text)),
        lambda: parse_atom(text),
    )
    for read in readers:
        try:
            read()
        except WorldwrightError as error:
            assert str(error).isprintable()


@given(st.data())
def test_a_rule_with_a_word_changed_is_a_rule_or_one_error(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    words = show_rule(data.draw(rules(vocabulary))).replace("(", " ( ").replace(")", " ) ").split()
    at = data.draw(st.integers(0, len(words) - 1))
    words[at] = data.draw(st.one_of(PARTS, st.sampled_from(words)))
    try:
        rule = parse_rule(vocabulary, " ".join(words))
    except (SyntaxProblem, VocabularyProblem):
        return
    assert parse_rule(vocabulary, show_rule(rule)) == rule


def test_a_vocabulary_may_be_large_but_not_slow() -> None:
    many = " ".join(f"(c{i} t)" for i in range(10_000))
    text = f"(:vocabulary v (:types (t object)) (:constants {many}) (:predicates (won)) (:actions (go)))"
    begin = time.process_time()
    vocabulary = vocabulary_of(parse_one(text))
    assert vocabulary_of(parse_one(show_vocabulary(vocabulary))) == vocabulary
    assert time.process_time() - begin < 10
