"""What content management systems that keep posts have in common: the acts, and how they are found again."""
