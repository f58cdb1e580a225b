"""Simulated participants: robots that take part through the study's own pages, by a stated model.

They see the HTML that a person's browser would get and send the forms that it would send; they are
marked as simulated from their enrolment on. What the pages keep from participants (the condition,
whether the model is right) they look up in the database, because the model of their answers needs
it. The server's clock cannot be faked: how long a robot says it took travels, as a browser's does,
with the events of the page.
"""
