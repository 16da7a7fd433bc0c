"""A world model executed over many states at once, as arrays; it agrees with `WorldModel.predict` on each of them."""

from worldwright.world_model.simulating.chance import Streams
from worldwright.world_model.simulating.goals import DONE, GoalFollower
from worldwright.world_model.simulating.layout import Batch, Layout, Unsimulatable
from worldwright.world_model.simulating.simulator import Simulator

__all__ = ["DONE", "Batch", "GoalFollower", "Layout", "Simulator", "Streams", "Unsimulatable"]
