"""A world model, a belief and a goal in; a validated plan out."""
