"""From what is desired and what is, to what must change: pure functions; drivers carry it out."""
