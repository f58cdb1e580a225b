"""Items: every kind of question, how it is asked, and what of a sent form is an answer."""
