"""A learned model as a world to train or search in: `worldwright/Learned-v0`, alone or many at once."""

import gymnasium

LEARNED_ID = "worldwright/Learned-v0"
MAX_STEPS = 200


def register_learned() -> None:
    """Let `gymnasium.make` and `make_vec` know `worldwright/Learned-v0`; calling it again changes nothing."""
    if LEARNED_ID not in gymnasium.registry:
        gymnasium.register(
            LEARNED_ID,
            entry_point=f"{__name__}.env:LearnedEnv",
            vector_entry_point=f"{__name__}.vector:LearnedVectorEnv",
            max_episode_steps=MAX_STEPS,
        )


register_learned()
