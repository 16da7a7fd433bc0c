"""Vocabulary, states, goals and rules; learning, judging and executing them."""
