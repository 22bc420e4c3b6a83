"""Reports: pure functions from rows of the projection to what a person or a program reads."""
