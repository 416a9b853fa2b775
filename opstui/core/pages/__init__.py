"""Pages as people write them: what may stand on one, how one is made or amended, and what changed."""
