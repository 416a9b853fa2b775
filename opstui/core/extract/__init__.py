"""The rules that write a document without a model: pure, deterministic, every sentence quoted from its source."""
