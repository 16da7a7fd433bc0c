"""What can be said of a household: the kinds of things, places and states that its sentences distinguish.

Nothing here says what any action needs or does, what opens, or what can hold what.
"""

from __future__ import annotations

from typing import Final

from worldwright.world_model.scene_graph import Containment
from worldwright.world_model.vocabulary import (
    ENDED,
    GOAL_HOLDS,
    WON,
    ActionSignature,
    Object,
    Predicate,
    Type,
    Vocabulary,
)

NOTHING: Final = "nothing"
HAND: Final = "hand"
ROOM: Final = "room"  # the middle of it, where one stands at first
STATUSES: Final = ("open", "closed")

# All the names that ALFWorld has for things, most of which any one game has not.
_ITEMS: Final = """
    alarmclock apple baseballbat basketball bathtub blinds book boots bowl box bread butterknife candle cd cellphone
    chair cloth creditcard cup curtains desklamp dishsponge egg floorlamp footstool fork glassbottle handtowel
    houseplant kettle keychain knife ladle laptop laundryhamperlid lettuce lightswitch mirror mug newspaper painting
    pan papertowel papertowelroll pen pencil peppershaker pillow plate plunger poster pot potato remotecontrol
    saltshaker scrubbrush showerdoor showerglass sink soapbar soapbottle spatula spoon spraybottle statue stoveknob
    teddybear television tennisracket tissuebox toiletpaper toiletpaperroll tomato towel vase watch wateringcan
    window winebottle
"""
_RECEPTACLES: Final = """
    armchair bathtubbasin bed cabinet cart coffeemachine coffeetable countertop desk diningtable drawer dresser
    fridge garbagecan handtowelholder laundryhamper microwave ottoman paintinghanger safe shelf sidetable sinkbasin
    sofa stoveburner toaster toilet toiletpaperhanger towelholder tvstand
"""
ITEM_KINDS: Final = tuple(_ITEMS.split())
RECEPTACLE_KINDS: Final = tuple(_RECEPTACLES.split())

# How each action is commanded, its arguments in the order of its signature.
COMMANDS: Final[dict[str, str]] = {
    "go": "go to {}",
    "open": "open {}",
    "close": "close {}",
    "take": "take {} from {}",
    "move": "move {} to {}",
    "heat": "heat {} with {}",
    "cool": "cool {} with {}",
    "clean": "clean {} with {}",
    "slice": "slice {} with {}",
    "use": "use {}",
    "examine": "examine {}",
    "look": "look",
    "inventory": "inventory",
}

CONTAINMENT: Final = Containment("receptacle", inside="in", known="is-known", kind="kind", sort="sort")

# Traits begin with `is-`: PDDL export would otherwise have to rename the actions `cool` and `clean`.
VOCABULARY: Final = Vocabulary(
    name="household",
    types=(
        Type("place"),
        Type("receptacle", "place"),
        Type("item"),
        Type("item-kind", nominal=True),
        Type("receptacle-kind", nominal=True),
        Type("status"),
    ),
    constants=(
        Object(NOTHING, "item"),
        Object(HAND, "place"),
        *(Object(name, "status") for name in STATUSES),
        *(Object(name, "item-kind") for name in ITEM_KINDS),
        *(Object(name, "receptacle-kind") for name in RECEPTACLE_KINDS),
    ),
    predicates=(
        Predicate("at", ("place",), functional=True),
        Predicate("holding", ("item",), functional=True, injective=True),
        Predicate("in", ("item", "place"), functional=True),
        Predicate("kind", ("item", "item-kind"), functional=True),
        Predicate("sort", ("receptacle", "receptacle-kind"), functional=True),
        Predicate("door", ("receptacle", "status"), functional=True),
        Predicate("is-hot", ("item",)),
        Predicate("is-cool", ("item",)),
        Predicate("is-clean", ("item",)),
        Predicate("is-sliced", ("item",)),
        Predicate("is-lit", ("item",)),
        Predicate("is-known", ("receptacle",)),  # what is in or on it has been seen
        Predicate(GOAL_HOLDS, ()),
        Predicate(WON, ()),
        Predicate(ENDED, ()),
    ),
    actions=(
        ActionSignature("go", ("receptacle",)),
        ActionSignature("open", ("receptacle",)),
        ActionSignature("close", ("receptacle",)),
        ActionSignature("take", ("item", "receptacle")),
        ActionSignature("move", ("item", "receptacle")),
        ActionSignature("heat", ("item", "receptacle")),
        ActionSignature("cool", ("item", "receptacle")),
        ActionSignature("clean", ("item", "receptacle")),
        ActionSignature("slice", ("item", "item")),
        ActionSignature("use", ("item",)),
        ActionSignature("examine", ("item",)),
        ActionSignature("look"),
        ActionSignature("inventory"),
    ),
)
