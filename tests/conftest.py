"""Settings of all tests."""

from hypothesis import settings

# No test times itself; and the same commit gives the same verdict.
settings.register_profile("worldwright", deadline=None, derandomize=True)
settings.load_profile("worldwright")
