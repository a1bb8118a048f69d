"""Other libraries under the same load, each in an environment of its own; see README.md beside this file."""
