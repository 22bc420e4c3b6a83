"""Where proposals are reviewed. One Protocol (`aios.domain.forge`), one conformance suite: `local` (branches of this
repository) and `github` (its REST API)."""
