"""What the callees say."""

from __future__ import annotations

COMPLETE = (
    "How many people will be coming?",
    "What time would you like to come?",
    "Would you like to sit inside or outside?",
    "Does anybody have an allergy we should know about?",
    "Is it for a special occasion?",
    "Which name should I put it under?",
    "Will you be coming by car?",
    "We have a table near the window.",
    "The kitchen closes at ten in the evening.",
    "I can offer you the round table.",
    "Do you want me to bring a high chair?",
    "We are closed on Mondays.",
    "There is a small garden behind the house.",
    "Should I keep it for the whole evening?",
    "You can pay with a card.",
    "Have you been here before?",
    "Do you need a place for a dog?",
    "The menu changes every week.",
    "Somebody else called about the same table.",
    "Can you come a little earlier?",
    "Our cook makes fresh fish on Fridays.",
    "How did you hear about us?",
    "Yes.",
    "No, not today.",
)
"""Sentences at whose end a turn is over."""

HANGING = (
    ("My number is four one five", "five five five zero one three two."),
    ("Um, so", "we could do it on Thursday afternoon."),
    ("It is a nice table and", "you can see the garden from there."),
    ("You would have to call the", "manager on Monday morning."),
    ("The price depends on", "how many of you are coming."),
    ("We could move you to", "the big room upstairs."),
    ("I would have to ask my", "husband about that first."),
    ("There is a menu for children but", "it is not on the web page."),
)
"""Sentences with a pause after a word with which nobody ends."""

OPEN = (
    ("The only table we have left", "is the one near the kitchen door."),
    ("I think the best time would be", "next Tuesday morning."),
    ("For a party of that size", "we need a small deposit."),
    ("What I would really recommend here", "is the lunch menu."),
    ("The last guests of the evening", "come at about half past nine."),
    ("If you come on a Tuesday afternoon", "it is a little cheaper."),
    ("The lady who takes the bookings", "is on holiday this week."),
    ("When the weather is nice", "most people sit outside."),
)
"""Sentences whose first part is unfinished, which no single word of it tells."""

INTERRUPTING = (
    "Wait, can you tell me the name first?",
    "Sorry, that day we are closed.",
    "Hold on, I have to find a pen.",
    "No, that is not possible at all.",
    "Excuse me, how many people did you say?",
    "Stop, you have the wrong number here.",
)
BACK_CHANNELS = ("Mm-hm.", "Okay.", "Right.", "Yeah.", "Uh-huh.")
GREETING = "Corner Bistro, good evening."
