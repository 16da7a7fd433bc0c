"""The options by which a command asks a language model, and what they make. Without them nothing is asked, or sent.

What decides how a run goes stands in its manifest (`ModelConfig`); keys and files' places never do.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from worldwright.experiments.config import BadSetting, ModelConfig, model_config
from worldwright.world_model.chat.answers import plain_name
from worldwright.world_model.chat.cassette import Recorder, Replayer
from worldwright.world_model.chat.endpoint import Endpoint, key_for
from worldwright.world_model.chat.exchange import Watched, unheard
from worldwright.world_model.chat.limits import Limited, Limits
from worldwright.world_model.chat.prices import Price, built_in_prices, read_prices
from worldwright.world_model.chat.request import ChatModel

WHICH = "--llm URL --llm-model NAME, or --llm-replay FILE"


@dataclass(frozen=True)
class ModelOptions:
    """What a user may say of a language model on the command line."""

    llm: Annotated[
        str | None, typer.Option(metavar="URL", help="ask the language model that an OpenAI-compatible server has")
    ] = None
    llm_model: Annotated[str | None, typer.Option(metavar="NAME", help="what the server calls the model")] = None
    llm_record: Annotated[Path | None, typer.Option(metavar="FILE", help="keep what it answers there")] = None
    llm_replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="answer from what was kept; nothing is sent")
    ] = None
    llm_calls: Annotated[int | None, typer.Option(metavar="NUMBER", help="questions at most")] = None
    llm_tokens: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="tokens at most, of questions and answers")
    ] = None
    llm_usd: Annotated[float | None, typer.Option(metavar="MONEY", help="US dollars at most")] = None
    llm_prices: Annotated[Path | None, typer.Option(metavar="FILE", help="a table of what tokens cost")] = None
    llm_timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="for an answer; default 120")] = None


def with_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with all of `ModelOptions` as options, which it gets as its argument `language_model`."""
    hints = get_type_hints(ModelOptions, include_extras=True)
    names = [field.name for field in fields(ModelOptions)]
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "language_model"]
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [inspect.Parameter(name, keyword, default=None, annotation=hints[name]) for name in names]

    @wraps(command)
    def called(**words: Any) -> None:
        chosen = ModelOptions(**{name: words.pop(name) for name in names})
        command(**words, language_model=chosen)

    called.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *options)}
    vars(called)["__signature__"] = signature.replace(parameters=[*own, *options])
    return called


@dataclass(frozen=True)
class ModelSource:
    """A language model that can be asked.

    Attributes:
        config: how, as it goes on record.
        chat: who answers.
        kept: whether what it answers is on a cassette, or is kept on one, already.
    """

    config: ModelConfig
    chat: ChatModel
    kept: bool

    @contextmanager
    def opened(self, cassette: Path | None = None) -> Iterator[ChatModel]:
        """The model within its limits, keeping what it answers on a cassette if it is not kept elsewhere.

        Raises:
            FileProblem: the cassette cannot be written, is in use or is none.
        """
        config = self.config
        price = Price(*config.usd_per_million_tokens) if config.usd_per_million_tokens else None
        with ExitStack() as stack:
            chat = self.chat
            if cassette is not None and not self.kept:
                chat = stack.enter_context(Recorder(chat, cassette, config.name))
            limited = Limited(chat, Limits(config.calls, config.tokens, config.usd), price)
            yield Watched(limited, unheard, config.name, price)


@contextmanager
def chosen_model(options: ModelOptions, environment: Mapping[str, str], seed: int) -> Iterator[ModelSource | None]:
    """The model that the options name; None if they name none.

    Args:
        options: of the command line.
        environment: where the key is.
        seed: of the run; the server is given it plus the number of the sample.

    Raises:
        WorldwrightError: the options do not fit together, or a file, an address or a key cannot be used.
    """
    _check(options)
    with ExitStack() as stack:
        if options.llm_replay is not None:
            replayer = Replayer(options.llm_replay, options.llm_model)
            digest = hashlib.sha256(options.llm_replay.read_bytes()).hexdigest()
            yield ModelSource(_config(options, replayer.model, digest), replayer, kept=True)
        elif options.llm is not None and options.llm_model:
            config = _config(options, plain_name(options.llm_model))
            key = key_for(options.llm, environment)
            chat: ChatModel = Endpoint(options.llm, options.llm_model, key=key, timeout=config.timeout, seed=seed)
            if options.llm_record is not None:
                chat = stack.enter_context(Recorder(chat, options.llm_record, config.name))
            yield ModelSource(config, chat, kept=options.llm_record is not None)
        else:
            yield None


def _config(options: ModelOptions, name: str, replay: str | None = None) -> ModelConfig:
    table = built_in_prices()
    if options.llm_prices is not None:
        table = table.overridden(read_prices(options.llm_prices))
    config = model_config(
        url=options.llm,
        name=name,
        replay=replay,
        calls=options.llm_calls,
        tokens=options.llm_tokens,
        usd=options.llm_usd,
        **({"timeout": options.llm_timeout} if options.llm_timeout is not None else {}),
    )
    price = table.price(name, options.llm or "")
    if options.llm_usd is not None and price is None:
        raise BadSetting(
            f"--llm-usd needs the price of {name!r}, which is not known: give a file that has it with --llm-prices FILE"
        )
    return config.model_copy(update={"usd_per_million_tokens": astuple(price) if price else None})


def _check(options: ModelOptions) -> None:
    """Raise `BadSetting` if options do not fit together."""
    given = [f"--{name.replace('_', '-')}" for name, value in vars(options).items() if value is not None]
    if "--llm-replay" in given:
        clash = next((name for name in given if name in ("--llm", "--llm-record", "--llm-timeout")), None)
        if clash is not None:
            raise BadSetting(f"--llm-replay asks no server: leave {clash} out, or --llm-replay")
    elif "--llm" in given:
        if not options.llm_model:
            raise BadSetting("--llm needs the model's name too: --llm-model NAME")
    elif given:
        raise BadSetting(f"{given[0]} needs a language model: {WHICH}")
