"""The text toolkit of the offline engines: pure functions over strings, every result with character offsets."""
