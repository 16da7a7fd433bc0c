"""Households as a gymnasium environment: text in, text out."""

from __future__ import annotations

import math
import os
import warnings
from functools import lru_cache
from typing import Any, Final

import gymnasium as gym
from gymnasium import spaces

from worldwright.envs.household.engine import MAX_COMMAND, Household
from worldwright.envs.household.game import BadGame, Game
from worldwright.envs.household.games import GENERATED, Games, find_games, open_game
from worldwright.envs.household.laws import lawful
from worldwright.envs.household.phrasing import BadPhrasings, PhrasingReader
from worldwright.world_model.errors import LeftOut, WorldwrightError

HOUSEHOLD_ID: Final = "worldwright/Household-v0"
MAX_STEPS: Final = 50
MAX_FEEDBACK: Final = 100_000  # characters
MAX_MISSION: Final = 1_000
MAX_LESSONS: Final = 500  # games to learn phrasings from: more take long
CHARACTERS: Final = frozenset(map(chr, range(32, 127)))
TEXT: Final = CHARACTERS | {"\n"}


class NotText(WorldwrightError):
    """An action that is not a command in text."""


class HouseholdEnv(gym.Env[dict[str, str], str]):
    """A household: commands go in, sentences come out.

    Observations are `Dict(text, mission)`: `text` is what the household answers (at first, what is seen from the
    middle of the room, and the task), `mission` is the task alone. An action is a command: `look`, `inventory`, `go to
    R`, `open R`, `close R`, `take O from R`, `move O to R`, `examine X`, `use O`, `heat O with R`, `cool O with R`,
    `clean O with R`, `slice O with K`. What cannot be done, or is no command, is answered by `Nothing happens.` and
    counts as a step. The reward is 1 for the step that reaches the goal, which ends the episode, else 0; gymnasium's
    `max_episode_steps` (50 unless `gymnasium.make` is told otherwise) cuts it short.

    `reset(seed=k)` plays game k modulo the number of games, so n seeds in a row play n different games; `reset()` plays
    a random one; `reset(options={"game": id})` plays a certain one. `info` names the game (`game`, `task_type`) and
    says whether it is `won`; nothing in it is for the agent.

    Attributes:
        phrasings: who reads missions in people's own words, or None; the registry gives it to the perceiver.

    Args:
        games: where games come from, see `find_games`: `generated` (with `:SEED`, `:SEED:NUMBER`), a file, a folder;
            or the games themselves.
        law: other laws than ALFWorld's, see `laws.LAWS`, joined by commas.
        phrasing: put the mission as people did: with the game's annotation of this number, modulo how many it has.
        phrasings: where the agent learns to read what people say in their own words, see `phrasings_of`: games with
            annotations (never those that are played, for a fair grade), or a reader's file.
        admissible: let `info` list all `admissible_commands`.
        facts: let `info` list all `facts`, with names for ids, to grade by.
        render_mode: `ansi` for the last text, or None.

    Raises:
        NoGames: the source holds none.
        BadPhrasings: there are no annotations to learn from, or `phrasing` is no number.
        UnknownLaw: no law has such a name.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012

    def __init__(
        self,
        games: str | os.PathLike[str] | Games = GENERATED,
        *,
        law: str = "",
        phrasing: int | None = None,
        phrasings: str | os.PathLike[str] | None = None,
        admissible: bool = False,
        facts: bool = False,
        render_mode: str | None = None,
    ) -> None:
        self._domain, self._grammar = lawful(str(law))
        self.games = games if isinstance(games, Games) else find_games(games)
        for refused in self.games.refused:
            warnings.warn(f"left out: {refused.reason}", LeftOut, stacklevel=2)
        if not isinstance(phrasing, int | None):
            raise BadPhrasings(f"phrasing={phrasing!r} is not the number of an annotation")
        self.phrasings = None if phrasings is None else phrasings_of(phrasings)
        self._phrasing, self._admissible, self._facts = phrasing, admissible, facts
        self.render_mode = render_mode
        text = spaces.Text(MAX_FEEDBACK, min_length=0, charset=TEXT)
        mission = spaces.Text(MAX_MISSION, charset=CHARACTERS)
        self.observation_space: spaces.Space[Any] = spaces.Dict(text=text, mission=mission)
        self.action_space = spaces.Text(MAX_COMMAND, charset=CHARACTERS)
        self._game: Game | None = None
        self._household: Household | None = None
        self._text = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Begin a game; raises `BadGame` if it cannot be played, `NoGames` if `options` names none."""
        super().reset(seed=seed)
        chosen = (options or {}).get("game")
        if chosen is not None:
            game = self.games.find(str(chosen))
        else:
            number = int(self.np_random.integers(len(self.games))) if seed is None else seed
            game = self.games[number % len(self.games)]
        if self._household is None or game is not self._game:
            self._household = self._opened(game)
            self._game = game
        self._text = self._household.reset()
        return self._observation(), self._info()

    def step(self, action: str) -> tuple[dict[str, str], float, bool, bool, dict[str, Any]]:
        """Do what is commanded; raises `NotText`."""
        if not isinstance(action, str):
            raise NotText(f"a household takes commands in text, not {type(action).__name__}")
        household = self._playing()
        self._text = household.step(action)
        won = household.is_won
        return self._observation(), float(won), won, False, self._info()

    def render(self) -> str | None:
        """The last text, in mode `ansi`."""
        return self._text if self.render_mode == "ansi" else None

    def _opened(self, game: Game) -> Household:
        try:
            return open_game(game, self._domain, self._grammar)
        except BadGame as error:
            raise BadGame(f"{error} (games=generated needs no file)") from error

    def _playing(self) -> Household:
        if self._household is None:
            raise gym.error.ResetNeeded("reset the household before the first step")
        return self._household

    def _observation(self) -> dict[str, str]:
        assert self._game is not None
        annotations = self._game.annotations
        mission = self._game.mission
        if self._phrasing is not None and annotations:
            mission = annotations[self._phrasing % len(annotations)]
        return {"text": _plain(self._text, TEXT), "mission": _plain(mission, CHARACTERS)}

    def _info(self) -> dict[str, Any]:
        household = self._playing()
        assert self._game is not None
        info: dict[str, Any] = {"game": self._game.id, "task_type": self._game.task_type, "won": household.is_won}
        if self._admissible:
            info["admissible_commands"] = household.admissible_commands()
        if self._facts:
            names = household.names
            info["facts"] = [(word, *(names.get(thing, thing) for thing in args)) for word, *args in household.facts]
        return info


def phrasings_of(source: str | os.PathLike[str]) -> PhrasingReader:
    """Who reads missions in people's own words.

    Args:
        source: a `.json` file that `PhrasingReader.save` wrote; or games with annotations, as for `find_games`, from
            which it is learned, in seconds.

    Raises:
        NoGames: there is no such source.
        BadPhrasings: the file is none, or no game has an annotation.
    """
    if str(source).endswith(".json"):
        return PhrasingReader.load(str(source))
    try:
        return _taught_by(find_games(source))
    except BadPhrasings as error:
        raise BadPhrasings(
            f"no phrasings are learned there ({error}): give games that come with people's annotations, as those in "
            "ALFWorld's own data folder do (`alfworld-download` fetches it)"
        ) from error


@lru_cache(maxsize=2)
def _taught_by(games: Games) -> PhrasingReader:
    """A reader taught by the games of a source; by some of them, evenly spread, where there are many."""
    return PhrasingReader.learn(games[number] for number in range(0, len(games), math.ceil(len(games) / MAX_LESSONS)))


def _plain(text: str, allowed: frozenset[str]) -> str:
    """The text with `?` for each character that the observation space does not have."""
    return text if allowed.issuperset(text) else "".join(char if char in allowed else "?" for char in text)


def register_household() -> None:
    """Let `gymnasium.make` know `worldwright/Household-v0`; calling it again changes nothing."""
    if HOUSEHOLD_ID not in gym.registry:
        gym.register(HOUSEHOLD_ID, entry_point=f"{__name__}:{HouseholdEnv.__name__}", max_episode_steps=MAX_STEPS)
