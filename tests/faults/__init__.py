"""Whatever fails between us and a service, and wherever we die: an effect happens at most once, and is never lost."""
