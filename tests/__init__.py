"""All tests; they mirror the package. Property tests draw the same examples each time, so that a red run repeats."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
