"""Task trees recorded from YOrch, replayed here: `python -m tests.conformance.replay FILE...`."""
