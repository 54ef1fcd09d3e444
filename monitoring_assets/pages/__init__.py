"""Pages for people: self-contained HTML, made from the store alone."""
