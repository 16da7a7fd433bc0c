"""Rules from a language model: what is asked, how answers are read, and how they are held against experience."""
