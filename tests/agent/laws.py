"""True laws of MiniGrid and of worlds with other ways of walking, as models."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

from tests.world_model.walks import law, laws
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.language import ActionRule, Evidence, Outcome
from worldwright.world_model.model import WorldModel

FREE = ("(on {cell} nothing)", "(on {cell} {thing}) (kind {thing} goal)", "(on {cell} {thing}) (state {thing} open)")
BLOCKED = (
    *(f"(on {{cell}} {{thing}}) (kind {{thing}} {kind})" for kind in ("wall", "key", "ball", "box")),
    *(f"(on {{cell}} {{thing}}) (state {{thing}} {state})" for state in ("closed", "locked")),
)


def usual() -> WorldModel:
    """MiniGrid's own, as if learned from long experience."""
    return WorldModel(VOCABULARY, tuple(rule.with_evidence(Evidence(support=100)) for rule in laws()))


def slippery() -> WorldModel:
    """The same where each action fails one time in ten."""
    return WorldModel(
        VOCABULARY,
        tuple(replace(rule, outcomes=(Outcome(0.9, rule.outcomes[0].effects), Outcome(0.1))) for rule in laws()),
    )


def two_step() -> WorldModel:
    """`forward` moves two cells, or one if the second is not free or the first is the goal."""
    moves = [_stride(1, (FREE[1],))]
    for first in (FREE[0], FREE[2]):
        moves += [_stride(2, (first, second)) for second in FREE]
        moves += [_stride(1, (first, second)) for second in BLOCKED]
    return WorldModel(VOCABULARY, (*_but_forward(), *_numbered(moves)))


def sideways() -> WorldModel:
    """`done` moves a cell to the right, or opens the door there, as `forward` and `toggle` do ahead."""
    beside = "?a ?c - cell ?d ?r - direction"
    right = "(agent-at ?a) (facing ?d) (clockwise ?d ?r) (next ?r ?a ?c)"
    steps = law("done-steps", beside, f"{right} (on ?c nothing)", "((1 (and (not (agent-at ?a)) (agent-at ?c))))")
    closed = f"{right} (on ?c ?x) (kind ?x door) (state ?x closed)"
    opens = law("done-opens", f"{beside} ?x - thing", closed, "((1 (and (not (state ?x closed)) (state ?x open))))")
    return WorldModel(VOCABULARY, (*laws(), steps, opens))


def gathering() -> WorldModel:
    """Who goes where a thing lies takes it up."""
    ahead = "(agent-at ?a) (facing ?d) (next ?d ?a ?c)"
    taken = "(not (holding nothing)) (holding ?x) (not (on ?c ?x)) (on ?c nothing)"
    gathers = [
        law(
            f"forward-gathers-{kind}",
            "?a ?c - cell ?d - direction ?x - thing",
            f"{ahead} (on ?c ?x) (kind ?x {kind}) (holding nothing)",
            f"((1 (and (not (agent-at ?a)) (agent-at ?c) {taken})))",
        )
        for kind in ("key", "ball", "box")
    ]
    return WorldModel(VOCABULARY, (*laws(), *gathers))


def sliding() -> WorldModel:
    """`forward` moves to the last of up to nine empty cells."""
    moves = [_stride(cells, (*FREE[:1] * cells, end)) for cells, end in product(range(1, 10), BLOCKED)]
    return WorldModel(VOCABULARY, (*_but_forward(), *_numbered(moves)))


def _but_forward() -> list[ActionRule]:
    return [rule for rule in laws() if rule.action != "forward"]


def _stride(cells: int, contents: tuple[str, ...]) -> ActionRule:
    """Moving so many cells where the cells ahead have such contents."""
    names = ["?a", *(f"?c{number}" for number in range(len(contents)))]
    things = [f"?x{number}" for number, content in enumerate(contents) if "{thing}" in content]
    conditions = ["(agent-at ?a) (facing ?d)"]
    conditions += [f"(next ?d {one} {other})" for one, other in pairwise(names)]
    conditions += [content.format(cell=f"?c{n}", thing=f"?x{n}") for n, content in enumerate(contents)]
    parameters = f"{' '.join(names)} - cell ?d - direction" + (f" {' '.join(things)} - thing" if things else "")
    outcome = f"((1 (and (not (agent-at ?a)) (agent-at {names[cells]}))))"
    return law("forward-strides", parameters, " ".join(conditions), outcome)


def _numbered(rules: list[ActionRule]) -> list[ActionRule]:
    return [replace(rule, name=f"{rule.name}-{number}") for number, rule in enumerate(rules)]
