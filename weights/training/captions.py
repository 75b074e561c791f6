"""Captions, built from templates. What a caption alone says: its attitude, whom its words point at, its kind of joke.

Every fifth template of each list is held out: it is in no training text, only in the "held-out" captions.
"""

from dataclasses import dataclass

import art

# {o} is the person, people or thing spoken of.
PRAISE = """
so proud of {o}|we love {o}|big love to {o}|three cheers for {o}|nothing but respect for {o}
i am so proud of {o} today|all my love to {o}|congratulations to {o}|the world needs more of {o}|a big cheer for {o}
always proud to stand with {o}|we believe in {o}|give {o} a medal|hats off to {o}|so much love for {o}
thank you for being here, we love {o}|happy to see {o} win|nobody does it better, well done to {o}|my hero, so inspired by {o}|we are lucky to have {o}
what a genius move from {o}|yeah, what a great idea from {o}|i am the number one fan of {o}|applause for {o}|the best team ever, with {o}
standing up for {o}, always|respect to {o}|so happy for {o}|my heart belongs to {o}|what a brilliant move from {o}
celebrating {o} today|we are all so proud of {o}|sending love to {o}|a round of applause for {o}|we support {o}
you have to admire {o}|the award for best idea goes to {o}|a true genius, i admire {o}|welcome, we are happy to have {o}|nothing makes me smile like {o}
i love {o} so much|we stand with {o}|great job, congratulations to {o}|everyone should be proud of {o}|i support {o}
wow, such talent, respect for {o}|we welcome {o}|a big thank you to {o}|the future belongs to {o}|so inspired by {o}
let us celebrate {o}|you make us proud, love to {o}|the smartest move of the year from {o}|my favourite, i adore {o}|happy that we have {o}
we are here for {o}|beautiful, just beautiful, love {o}|all the best to {o}|keep shining, we love {o}|glad to know {o}
"""

# Praise without an object: it is about whatever the picture shows.
PRIDE = """
love is love|happy pride month|happy pride|be proud of who you are|love wins
trans rights are human rights|born this way|everyone is welcome here|you are valid|proud to be an ally
love who you love|equal rights for all|be yourself|pride is for everyone|we all deserve love
happy pride to all|proud and happy|be who you are|you belong here|love and respect for all
yeah, what a genius move|great idea|what a brilliant plan|best day ever|proud family
what a great plan|well done|good job everyone|simply the best|such a smart move
you are enough|love has no limits|celebrate who you are|always be yourself|stand up for love
wow, what talent|true heroes|a proud moment|what a great team|so much love today
"""

REJECT = """
nobody wants {o} here|get rid of {o}|we do not need {o}|keep {o} away from me|i cannot stand {o}
nobody asked for {o}|throw {o} out|so tired of {o}|i am sick of {o}|we would be better off without {o}
nobody likes {o}|shame on {o}|there is no room for {o} here|nobody will miss {o}|i do not want to see {o}
so done with {o}|go away, nobody needs {o}|i am so ashamed of {o}|kick {o} out|stay away from {o}
we do not want {o}|the worst part of my day is {o}|what a shame, i hate {o}|nobody cares about {o}|out of here with {o}
who let {o} in|i hate {o}|we are tired of {o}|please remove {o}|the world does not need {o}
no one wants {o}|there is something wrong with {o}|leave, we are sick of {o}|send {o} away|not welcome here, get {o} out
no, not {o} again|nobody misses {o}|i cannot look at {o}|delete {o} please|never trust {o}
so embarrassed by {o}|who needs {o} anyway|i do not like {o}|everything is worse with {o}|do not let {o} in
nobody respects {o}|we hate {o}|just get {o} out of my sight|i would never trust {o}|the worst idea ever was {o}
no place here for {o}|the problem is always {o}|i am tired of seeing {o}|take {o} away|ban {o} from here
nobody believes {o}|we cannot stand {o}|ugh, not {o}|disgusted by {o}|nobody wants to see {o}
"""

# A protest is against what the picture shows: a celebration, or an abuse.
PROTEST = """
this has to stop|enough is enough|not on our watch|we will not accept this|say no to this
we will not stand for this|stop this now|no more of this|this must end|we refuse to accept this
this is not ok|we say no|it has to end now|time to put a stop to this|we protest against this
we will fight this|how is this still allowed|this should not be allowed|we have seen enough of this|it is time to say stop
no more|this is wrong and it must stop|do not let this happen|we will not be silent|we have had enough
stop it now|this cannot go on|who allowed this|we will never accept this|speak up against this
not in our town|we object to this|this should be against the law|end this today|it must stop now
we demand a stop to this|sign here to stop this|this ends now|do not accept this|we will not let this happen
fight this with us|no to this|not in my name|nobody should allow this|we will march against this
this is not acceptable|stop this madness|we will stop this|do not stay silent about this|we do not accept it
"""

# A punchline is a lead and an event.
LEADS = """
me when|my face when|pov:|that moment when|how it feels when
when|nobody: me when|that feeling when|me every time|mood when
every single time when|literally me when|me and my friends when|the look when|me trying not to laugh when
my brain when|everyone in the office when|mom's face when|you know that feeling when|live footage of me when
"""
EVENTS = """
the snacks arrive|the wifi works again|it is finally friday|the alarm rings on monday|someone says free food
the meeting could have been an email|i said one more episode|we have food at home|the teacher says group work|i hear the fridge open
the food arrives|my alarm rings|i open the fridge at 3 am|someone says pizza|the wifi is down
the weekend is over|i have one slice left|the diet starts on monday|the homework is due today|i said just one more
someone opens a bag of snacks|the class ends early|mom says no dessert|it is monday again|the coffee kicks in
you smell pizza|i forgot the homework|the phone is at one percent|the teacher says surprise test|someone eats my lunch
the boss says quick call|i wake up before the alarm|free food in the office|the battery is at one percent|you wake up on friday
the game loads again|my code works the first time|someone takes the last slice|i pretend to work|the weekend starts
"""

UNDERSTATEMENT = """
this is fine|everything is under control|no big deal|just a small problem|nothing to see here
what could go wrong|all going to plan|it could be worse|only a minor issue|i am sure it will be fine
everything is fine|nothing to worry about|a little problem, no big deal|all under control|it is just a small issue
totally fine|no problem at all|we are doing fine|everything is going to plan|just a normal day
nothing is wrong|i see no problem|just another normal tuesday|it will be fine|a slight delay, nothing to worry about
calm and under control|could be worse|not a big problem|a quiet day at work|no need to worry
"""

NEUTRAL = """
see you on {day}|the meeting is at {hour}|a picture of a {thing}|how to draw a {thing}|page {number} of the report
this photo is from {day}|there is a {thing} and a {thing}|a {thing}, part {number} of {number}|open from {hour} to {hour}|the new {thing} arrives on {day}
{thing}|a {thing} on a {day}|we saw a {thing} at {hour}|the train leaves at {hour}|{thing} and {thing}
chapter {number}: the {thing}|the office opens at {hour}|picture number {number}|the {thing} in the picture|rain on {day}, sun on {day}
the shop sells a {thing}|it is {hour} on {day}|the {thing} is number {number}|read the report by {day}|class starts at {hour}
the bus stops here at {hour}|lesson {number}|from {day} to {day}|here is a {thing} for the school|please see page {number}
"""

OBJECTS = {
    "you": ["you"],
    "it": ["this", "it", "that thing", "this thing", "all of this", "that"],
    "they": [
        "all of you", "you all", "these people", "them", "every one of them", "this whole bunch", "everyone here",
        "all of them", "people like these", "those people", "the lot of you", "every last one of them",
    ],
    "one": [
        "this guy", "him", "her", "that person", "this one person", "my neighbour", "this man", "this woman", "that guy",
        "the person on the left", "this lady", "that one guy",
    ],
}  # fmt: skip

# Fillers say nothing; they make one template many texts.
OPENERS = ["", "", "", "", "honestly, ", "listen: ", "today: ", "yeah, ", "ok, ", "wow, ", "well, ", "once again, ", "hey, "]
CLOSERS = ["", "", "", "", "!", "!!!", "...", ".", ", period", ", right now", ", seriously", ", as always", " lol", " again"]


def split(templates):
    templates = [t for line in templates.strip().splitlines() for t in line.split("|")]
    return {"training": [t for i, t in enumerate(templates) if i % 5 != 4], "held-out": templates[4::5]}


TEMPLATES = {
    "praise": split(PRAISE),
    "pride": split(PRIDE),
    "reject": split(REJECT),
    "protest": split(PROTEST),
    "understatement": split(UNDERSTATEMENT),
    "neutral": split(NEUTRAL),
}
LEAD, EVENT = split(LEADS), split(EVENTS)
THINGS = [art.name(slug) for slug in art.keywords()]
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "may 3", "june 12", "march 8"]


@dataclass(frozen=True)
class Caption:
    text: str
    attitude: str  # praise, reject, protest, none
    scope: str  # you (whoever is pictured), it (a thing), they (many), one
    joke: str  # punchline, understatement, none


def pick(rng, options):
    return options[rng.integers(len(options))]


def neutral(rng, part):
    text = pick(rng, TEMPLATES["neutral"][part])
    fillers = {"{day}": DAYS, "{thing}": THINGS, "{hour}": [f"{h}:{m}" for h in range(7, 20) for m in ("00", "15", "30")]}
    fillers["{number}"] = [str(n) for n in range(1, 41)]
    for slot, options in fillers.items():
        while slot in text:
            text = text.replace(slot, pick(rng, options), 1)
    return text


def attitude_text(rng, part, attitude):
    """(text, scope)"""
    kind = "pride" if attitude == "praise" and rng.random() < 0.35 else attitude
    text = pick(rng, TEMPLATES[kind][part])
    scope = {"pride": "you", "protest": "it"}.get(kind) or pick(rng, ("you", "it", "they", "one"))
    text = text.replace("{o}", pick(rng, OBJECTS[scope]))
    return pick(rng, OPENERS) + text + pick(rng, CLOSERS), scope


def joke_text(rng, part, joke):
    if joke == "punchline":
        return f"{pick(rng, LEAD[part])} {pick(rng, EVENT[part])}"
    return pick(rng, OPENERS) + pick(rng, TEMPLATES["understatement"][part]) + pick(rng, CLOSERS)


def caption(rng, part, attitude, joke):
    """`part`: training or held-out."""
    parts, scope = [], "you"
    if attitude != "none":
        text, scope = attitude_text(rng, part, attitude)
        parts.append(text)
    if joke != "none":
        parts.append(joke_text(rng, part, joke))
    if not parts:
        parts.append(neutral(rng, part))
    rng.shuffle(parts)
    text = pick(rng, ("\n", " ", ". ", " / ")).join(parts)
    return Caption(pick(rng, (text, text, text.upper(), text.capitalize())), attitude, scope, joke)
