"""What asking may cost, what it cost, and when to stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world_model.chat.questions import question
from worldwright.world_model.chat.endpoint import Endpoint
from worldwright.world_model.chat.exchange import Exchange, Watched
from worldwright.world_model.chat.limits import Limited, Limits, token_estimate
from worldwright.world_model.chat.prices import FREE, Price, built_in_prices, read_prices
from worldwright.world_model.chat.request import ModelProblem, NotRecorded, Reply, Request, Spent, TooLong, Unreachable
from worldwright.world_model.chat.scripted import Script
from worldwright.world_model.chat.scripted_server import ScriptedServer, refuses, says
from worldwright.world_model.files import FileProblem


def answering(reply: Reply | str | Exception) -> Script:
    return Script(lambda _: reply)


def asked_until_spent(model: Limited) -> int:
    """How many questions are answered before a limit ends it."""
    for number in range(1000):
        try:
            model.ask(question(sample=number))
        except Spent:
            return number
    raise AssertionError("no limit")


# -- limits ------------------------------------------------------------------------------------------------------------


def test_calls_end_at_the_limit_and_nothing_more_is_sent() -> None:
    script = answering("{}")
    limited = Limited(script, Limits(calls=5))
    assert asked_until_spent(limited) == 5
    assert len(script.asked) == 5
    assert limited.usage.failures == {"Spent": 1}


def test_tokens_end_before_an_answer_that_could_go_over_the_limit() -> None:
    script = answering(Reply("{}", prompt_tokens=40, answer_tokens=50))
    limited = Limited(script, Limits(tokens=1000))
    asked_until_spent(limited)
    usage = limited.usage
    spent = usage.prompt_tokens + usage.answer_tokens
    assert (usage.prompt_tokens, usage.answer_tokens) == (40 * usage.calls, 50 * usage.calls)
    assert 1000 - 90 - token_estimate(question()) < spent <= 1000


def test_money_ends_before_an_answer_that_could_go_over_the_limit() -> None:
    price = Price(prompt=10.0, answer=100.0)
    limited = Limited(answering(Reply("{}", prompt_tokens=40, answer_tokens=50)), Limits(usd=0.05), price)
    assert 0 < asked_until_spent(limited) <= 9
    assert limited.usage.usd == pytest.approx(limited.usage.calls * (40 * 10 + 50 * 100) / 1e6)
    assert limited.usage.usd is not None and limited.usage.usd <= 0.05


def test_an_endpoint_that_counts_nothing_does_not_escape_the_limits() -> None:
    limited = Limited(answering("x" * 100), Limits(tokens=2000))
    assert asked_until_spent(limited) < 20


def test_a_late_answer_may_be_billed_and_counts() -> None:
    limited = Limited(answering(Unreachable("late")), Limits(usd=0.01, failures=1000), Price(10.0, 100.0))
    for _ in range(3):
        with pytest.raises(ModelProblem):
            limited.ask(question())
    assert limited.usage.failures == {"Spent": 2, "Unreachable": 1}
    assert limited.usage.usd == 0.0 and limited.usage.lost_usd > 0.005


def test_a_limit_on_money_without_a_price_is_refused_at_once() -> None:
    with pytest.raises(ModelProblem, match="price"):
        Limited(answering("{}"), Limits(usd=1.0))


def test_a_huge_question_is_refused_before_it_is_sent() -> None:
    """C28."""
    with ScriptedServer([says("{}")]) as server:
        limited = Limited(Endpoint(server.url, "scripted"), Limits())
        with pytest.raises(TooLong, match="over the limit of 16000"):
            limited.ask(question("observation " * 900_000))
        with pytest.raises(TooLong, match="over the limit of 16000"):
            limited.ask(question(schema={"enum": ["name"] * 100_000}))
        assert server.received == []


# -- giving up ---------------------------------------------------------------------------------------------------------


def test_a_dead_endpoint_is_given_up_said_once_and_tried_again_ever_more_rarely() -> None:
    said: list[str] = []
    script = answering(Unreachable("http://here: down"))
    limited = Limited(script, Limits(failures=3, rest=10), on_giving_up=said.append)
    for _ in range(200):
        with pytest.raises(Unreachable):
            limited.ask(question())
    assert len(script.asked) == 3 + 4  # after rests of 10, 20, 40 and 80
    assert said == ["the model is given up after 3 failures in a row: http://here: down"]
    assert limited.usage.failures == {"GivenUp": 193, "Unreachable": 7} and limited.usage.calls == 7


def test_an_endpoint_that_comes_back_is_asked_again() -> None:
    def lines() -> Iterator[str | Exception]:
        yield from [Unreachable("down")] * 2
        while True:
            yield "up"

    limited = Limited(Script(lines()), Limits(failures=2, rest=5))
    outcomes = []
    for _ in range(10):
        try:
            outcomes.append(limited.ask(question()).text)
        except Unreachable:
            outcomes.append("-")
    assert outcomes == ["-"] * 7 + ["up"] * 3


def test_a_wrong_key_is_not_tried_for_ever() -> None:
    with ScriptedServer([refuses(401)]) as server:
        limited = Limited(Endpoint(server.url, "scripted"), Limits())
        for _ in range(20):
            with pytest.raises(ModelProblem):
                limited.ask(question())
        assert len(server.received) == 3


def test_a_question_that_is_not_recorded_is_no_sign_of_death() -> None:
    script = answering(NotRecorded("none"))
    limited = Limited(script, Limits())
    for _ in range(20):
        with pytest.raises(NotRecorded):
            limited.ask(question())
    assert len(script.asked) == 20


# -- what was asked ----------------------------------------------------------------------------------------------------


def test_each_exchange_is_reported_with_what_it_cost() -> None:
    heard: list[Exchange] = []
    replies: list[Reply | Exception] = [Reply("{}", "length", 1000, 500, 2.0, "small"), Unreachable("down")]
    limited = Limited(Script(replies), Limits(calls=2))
    watched = Watched(limited, heard.append, "small", Price(1.0, 4.0))
    watched.ask(question(sample=4))
    for _ in range(2):
        with pytest.raises(ModelProblem):
            watched.ask(question())
    first, second, third = heard
    assert (first.purpose, first.sample, first.answer, first.finish, first.error) == ("rule", 4, "{}", "length", "")
    assert first.prompt == ("system: You explain laws.", "user: What does toggle do?")
    assert (first.prompt_tokens, first.answer_tokens, first.seconds, first.usd) == (1000, 500, 2.0, 0.003)
    assert second.error == "Unreachable: down" and second.answer == "" and second.usd is None
    assert third.error.startswith("Spent: the limit of 2 calls")
    assert len(first.key) == 64 and first.key != second.key == third.key


def test_a_huge_text_is_reported_in_part() -> None:
    """C28."""
    heard: list[Exchange] = []
    limited = Limited(answering("{}"), Limits())
    with pytest.raises(TooLong):
        Watched(limited, heard.append, "small").ask(question("x" * 10_000_000))
    Watched(answering("y" * 4_000_000), heard.append, "small").ask(question())
    assert max(len(text) for exchange in heard for text in (*exchange.prompt, exchange.answer)) < 201_000
    assert heard[1].answer.endswith("[and 3800000 characters more]")


def test_several_listeners_hear_the_same_with_the_price_that_the_first_knows() -> None:
    first: list[Exchange] = []
    second: list[Exchange] = []
    inner = Watched(answering("{}"), first.append, "small", Price(1e6, 1e6))
    Watched.by(second.append, inner).ask(question())
    assert second == first and first[0].usd is not None and first[0].key
    Watched.by(second.append, answering("{}")).ask(question())
    assert second[1].usd is None and len(first) == 1


def test_a_question_without_a_key_is_reported_too() -> None:
    heard: list[Exchange] = []
    Watched(answering("{}"), heard.append, "small").ask(Request("rule", (), schema={"a": float("nan")}))
    assert heard[0].key == "" and heard[0].answer == "{}" and heard[0].usd is None


# -- prices ------------------------------------------------------------------------------------------------------------


def test_the_built_in_table_is_dated_and_says_where_it_is_from() -> None:
    table = built_in_prices()
    assert table.date == "2026-03-21" and "openai.com" in table.source
    price = table.price("gpt-4o-mini", "https://api.openai.com/v1")
    assert price is not None and price.of(1_000_000, 2_000_000) == pytest.approx(0.15 + 1.2)
    assert table.price("gpt-4o-mini-2099-01-01", "https://api.openai.com/v1") is None
    assert table.price("anything", "http://127.0.0.1:8080/v1") == FREE


def test_a_users_table_overrides_it(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text('{"date":"2027-01-01","source":"bill","usd_per_million_tokens":{"gpt-4o":[1,2],"own":[0.5,0]}}')
    table = built_in_prices().overridden(read_prices(path))
    assert table.date == "2027-01-01"
    assert table.price("gpt-4o") == Price(1.0, 2.0) and table.price("own") == Price(0.5, 0.0)
    assert table.price("gpt-4o-mini") == Price(0.15, 0.6)


TABLE = '{"date":"2027-01-01","source":"s","usd_per_million_tokens":%s}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        TABLE % "[]",
        TABLE % '{"m":1}',
        TABLE % '{"m":[1]}',
        TABLE % '{"m":[1,-1]}',
        TABLE % '{"m":[1,"2"]}',
        TABLE % '{"m":[1,true]}',
        TABLE % '{"m":[1,NaN]}',
        TABLE % '{"m":[1,1e999]}',
        TABLE % ('{"m":[1,' + "9" * 400 + "]}"),
        TABLE % '{"m":[1,2],"m":[0,0]}',
        TABLE % ("[" * 100_000 + "]" * 100_000),
        (TABLE % "{}").replace("2027-01-01", "soon"),
        (TABLE % "{}").replace('"source":"s"', '"source":7'),
        (TABLE % "{}").replace('"source"', '"more":1,"source"'),
        "\ufeff" + TABLE % "{}",
        TABLE % "{}" + " " * 2**20,
    ],
    ids=lambda text: text[-40:][:30],
)
def test_a_table_that_is_none_is_refused_by_name(text: str, tmp_path: Path) -> None:
    """A2, A6, D30, D32."""
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(FileProblem, match=r"prices\.json: "):
        read_prices(path)


def test_a_device_is_no_table() -> None:
    """D33."""
    with pytest.raises(FileProblem, match="/dev/zero: not a regular file"):
        read_prices(Path("/dev/zero"))
