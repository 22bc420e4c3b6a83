"""Memory: notes and records as passages, found again by their words. `recall.Memory` answers, `notes` writes."""
