"""The command line, run configurations, baselines, statistics and the replay viewer."""
