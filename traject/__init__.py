"""The engine: facts in, plan out, effects through the outbox."""
