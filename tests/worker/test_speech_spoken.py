"""What the voice is given in the place of what is written."""

from __future__ import annotations

import datetime
import re
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.speech.spoken import MAX_CHARS, pieces, spoken

CASES = {
    "money": [
        ("It costs $60.", "It costs sixty dollars."),
        ("$4.50", "four dollars and fifty cents"),
        ("€12", "twelve euros"),
        ("12 €", "twelve euros"),
        ("£3.01", "three pounds and one penny"),
        ("$1", "one dollar"),
        ("$0.99", "ninety-nine cents"),
        ("$5.00", "five dollars"),
        ("$1,200.50", "one thousand two hundred dollars and fifty cents"),
        ("$1.5 million", "one point five million dollars"),
        ("$60k", "sixty thousand dollars"),
        ("$60-80", "sixty to eighty dollars"),
        ("$60–$80", "sixty to eighty dollars"),
        ("a $60 limit", "a sixty dollar limit"),
        ("a limit of $60 for it", "a limit of sixty dollars for it"),
        ("the $60 we agreed on", "the sixty dollars we agreed on"),
        ("$2M", "two million dollars"),
        ("2 x $15", "two times fifteen dollars"),
        ("$20/hr", "twenty dollars per hour"),
        ("$5/month", "five dollars per month"),
        ("-$5", "minus five dollars"),
        ("USD 60", "sixty U S dollars"),
        ("under $60, please", "under sixty dollars, please"),
    ],
    "times": [
        ("at 3:30 pm", "at three thirty PM"),
        ("15:00", "three PM"),
        ("9am", "nine AM"),
        ("9:05 a.m.", "nine oh five AM."),
        ("at 5 p.m. on Friday", "at five PM on Friday"),
        ("We close at 5 p.m. The door is open.", "We close at five PM. The door is open."),
        ("2.30pm", "two thirty PM"),
        ("12:00", "twelve o'clock"),
        ("9:00", "nine o'clock"),
        ("at 9:00 o'clock", "at nine o'clock"),
        ("00:30", "twelve thirty AM"),
        ("0:00", "midnight"),
        ("2-3 pm", "two to three PM"),
        ("9-5", "nine to five"),
        ("9am-5pm", "nine AM to five PM"),
        ("10:00–11:30", "ten to eleven thirty"),
        ("09:00-17:00", "nine to five PM"),
        ("between 2 and 4 PM", "between two and four PM"),
    ],
    "dates": [
        ("2026-03-05", "March fifth, twenty twenty-six"),
        ("on 3/5", "on March fifth"),
        ("3/5/2026", "March fifth, twenty twenty-six"),
        ("3/5/26", "March fifth, twenty twenty-six"),
        ("25/12/2026", "December twenty-fifth, twenty twenty-six"),
        ("05.03.2026", "March fifth, twenty twenty-six"),
        ("March 5th", "March fifth"),
        ("March 5", "March fifth"),
        ("Mar. 5-7", "March fifth to seventh"),
        ("March 5, 2026", "March fifth, twenty twenty-six"),
        ("5 Mar", "March fifth"),
        ("the 5th of March", "the fifth of March"),
        ("3/2019", "March twenty nineteen"),
        ("June 2026", "June twenty twenty-six"),
        ("Fri 3/6", "Friday March sixth"),
        ("Mon-Fri", "Monday to Friday"),
        ("Monday, March 9", "Monday, March ninth"),
        ("on 1/2", "on January second"),
        ("You may, and May is warm", "You may, and May is warm"),
        ("In May 5 people came", "In May five people came"),
        ("the sun and the cat sat", "the sun and the cat sat"),
    ],
    "years": [
        ("a blue 2019 Honda Civic", "a blue twenty nineteen Honda Civic"),
        ("in 1905", "in nineteen oh five"),
        ("since 2005", "since two thousand five"),
        ("born in 1900", "born in nineteen hundred"),
        ("the 1990s", "the nineteen nineties"),
        ("the '90s", "the nineties"),
        ("2019-2021", "twenty nineteen to twenty twenty-one"),
    ],
    "telephone numbers": [
        ("415-555-0134", "four one five, five five five, zero one three four"),
        ("(415) 555-0134", "four one five, five five five, zero one three four"),
        ("415.555.0134", "four one five, five five five, zero one three four"),
        ("4155550134", "four one five, five five five, zero one three four"),
        ("+14155550134", "plus one, four one five, five five five, zero one three four"),
        ("+1 415 555 0134", "plus one, four one five, five five five, zero one three four"),
        ("555-0134", "five five five, zero one three four"),
        (
            "1-800-555-0134 ext. 12",
            "one, eight zero zero, five five five, zero one three four, extension one two",
        ),
        ("+44 20 7946 0123", "plus four four, two zero, seven nine four six, zero one two three"),
    ],
    "codes": [
        ("room 204", "room two zero four"),
        ("Room 12", "Room twelve"),
        ("suite 300", "suite three hundred"),
        ("Apt. 4B", "Apartment four B"),
        ("class 4B", "class four B"),
        ("order #48213", "order number four eight two one three"),
        ("order 12 roses", "order twelve roses"),
        ("order 48213", "order four eight two one three"),
        ("The confirmation number is AB12CD.", "The confirmation number is A B one two C D."),
        ("PIN 0423", "PIN zero four two three"),
        ("the PIN is 42", "the PIN is four two"),
        ("the account ending 4407", "the account ending four four zero seven"),
        ("ending in 4407", "ending in four four zero seven"),
        ("zip code 94110", "zip code nine four one one zero"),
        ("CA 94110-1234", "CA nine four one one zero, one two three four"),
        ("SW1A 1AA", "S W one A, one A A"),
        ("K1A 0B1", "K one A, zero B one"),
        ("ext 5", "extension five"),
        ("4111 1111 1111 1111", "four one one one, one one one one, one one one one, one one one one"),
        ("123-45-6789", "one two three, four five, six seven eight nine"),
        ("48213077", "four eight two one, three zero seven seven"),
        ("007", "zero zero seven"),
        ("#5", "number five"),
        ("No. 5", "Number five"),
        ("I-95", "I ninety-five"),
        ("vitamin B12", "vitamin B twelve"),
        ("COVID-19", "COVID nineteen"),
    ],
    "addresses": [
        ("300 Harbor Street", "three hundred Harbor Street"),
        ("123 Main St.", "one twenty-three Main Street."),
        ("1205 N. Oak Ave, please", "twelve oh five N. Oak Avenue, please"),
        ("mara.lee@example.com", "mara dot lee at example dot com"),
        ("x_y-1+z@gmx.co.uk", "x underscore y dash one plus z at G, M, X dot co dot U K"),
        ("It is alex42@example.org.", "It is alex four two at example dot org."),
        ("https://www.example.com/menu", "W, W, W dot example dot com slash menu"),
        ("45 W. 5th St., please", "forty-five W. fifth Street, please"),
        ("see example.com, please", "see example dot com, please"),
    ],
    "quantities": [
        ("1,234 items", "one thousand two hundred thirty-four items"),
        ("10000 people", "ten thousand people"),
        ("2 adults and 1 child", "two adults and one child"),
        ("3.14", "three point one four"),
        ("0.5", "zero point five"),
        ("-5 degrees", "minus five degrees"),
        ("2nd", "second"),
        ("the 21st", "the twenty-first"),
        ("20%", "twenty percent"),
        ("10-15%", "ten to fifteen percent"),
        ("5 km", "five kilometers"),
        ("1 hr", "one hour"),
        ("30 mins", "thirty minutes"),
        ("72°F", "seventy-two degrees Fahrenheit"),
        ("500mg", "five hundred milligrams"),
        ("5-10 km", "five to ten kilometers"),
        ("1/2 cup", "one half cup"),
        ("2 1/2 hours", "two and a half hours"),
        ("2½ hours", "two and a half hours"),
        ("3/4", "three quarters"),
        ("24/7", "twenty-four seven"),
        ("50/50", "fifty-fifty"),
        ("5 ft 10 in.", "five foot ten"),
        ("120/80", "one hundred twenty over eighty"),
        ("3-4 days", "three to four days"),
        ("10x12", "ten by twelve"),
        ("5'10 tall", "five foot ten tall"),
        ("2 + 3 = 5", "two plus three equals five"),
        ("2*3", "two times three"),
        ("version 2.0.1", "version two point zero point one"),
    ],
    "letters and signs": [
        ("M-A-R-A", "M, A, R, A"),
        ("it is spelled K R I S T A.", "it is spelled K, R, I, S, T, A."),
        ("B-4-7-X", "B, four, seven, X"),
        ("M as in Mike, A as in Alfa", "M as in Mike, A as in Alfa"),
        ("the U.S. mail", "the U S mail"),
        ("AT&T", "AT and T"),
        ("peas & carrots", "peas and carrots"),
        ("w/ milk and w/o sugar", "with milk and without sugar"),
        ("c/o Alex", "care of Alex"),
        ("e.g. tulips", "for example, tulips"),
        ("Press # and then *.", "Press pound and then star."),
    ],
    "nothing to do": [
        ("Hi, this is Floyd, an AI assistant calling for Alex Rivera.",) * 2,
        ("She is home sick today.",) * 2,
        (" for Krista Rivera is ready.",) * 2,
        ("Good morning!",) * 2,
        ("Dr. Ortiz, e-mail, and/or J. Smith", "Dr. Ortiz, e-mail, and or J. Smith"),
        ("Plan A is mine. I see.",) * 2,
        ("",) * 2,
    ],
}


@pytest.mark.parametrize(
    ("written", "said"),
    [pytest.param(*case, id=f"{kind}: {case[0]}") for kind, cases in CASES.items() for case in cases],
)
def test_it_is_said_as_a_person_would(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en-GB", "on 3/5", "on May third"),
        ("en-GB", "020 7946 0123", "zero two zero, seven nine four six, zero one two three"),
        (
            "de-DE",
            "Rufen Sie 030 1234567 an",
            "Rufen Sie null drei null, eins zwei drei, vier fünf sechs sieben an",
        ),
        ("de-DE", "mara.lee@example.com", "mara Punkt lee ät example Punkt com"),
        ("de-DE", "am 05.03.2026 um 15:00 für 25,50 €", "am 05.03.2026 um 15:00 für 25,50 €"),
        ("es-ES", "+34 912 345 678", "más tres cuatro, nueve uno dos, tres cuatro cinco, seis siete ocho"),
        ("es-ES", "21 personas", "21 personas"),
        ("fr-FR", "mara@example.fr", "mara arobase example point F R"),
        ("tlh", "+1 415 555 0134", "+1 415 555 0134"),
    ],
)
def test_other_languages_get_what_is_right_in_all(language: str, written: str, said: str) -> None:
    assert spoken(written, language) == said


# What a listener writes down, by an independent reading of the words.
UNITS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
ONES = {word: value for value, word in enumerate(UNITS.split())}
DECADES = "twenty thirty forty fifty sixty seventy eighty ninety"
TENS = {word: value * 10 for value, word in enumerate(DECADES.split(), start=2)}


ORDINALS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth
"""
MONTHS = "january february march april may june july august september october november december"
NUMBER_WORDS = {*ONES, *TENS, *ORDINALS.split(), *MONTHS.split()}


def digits_heard(said: str) -> str:
    """The figures of a text that is said digit by digit."""
    return "".join(str(ONES[word]) for word in re.findall("[a-z]+", said.lower()) if ONES.get(word, 10) < 10)


def value_heard(said: str) -> int:
    total = current = 0
    for word in re.findall("[a-z]+", said):
        if word == "hundred":
            current *= 100
        elif word in ("thousand", "million", "billion"):
            total += current * {"thousand": 10**3, "million": 10**6, "billion": 10**9}[word]
            current = 0
        else:
            current += ONES.get(word, TENS.get(word, 0))
    return total + current


FIGURES = st.text(alphabet=string.digits, min_size=1, max_size=12)


@given(st.integers(0, 10**12 - 1), st.sampled_from(["{:,} items", "about {:,}, I think", "-{:,}"]))
def test_a_quantity_is_heard_as_it_is_written(value: int, frame: str) -> None:
    assert value_heard(spoken(frame.format(value)).removesuffix(" items")) == value


@given(st.integers(0, 10**7), st.integers(0, 99))
def test_an_amount_of_money_is_heard_as_it_is_written(whole: int, cents: int) -> None:
    said = spoken(f"It is ${whole:,}.{cents:02d}.")
    dollars, _, rest = said.removeprefix("It is ").partition(" dollar")
    if not whole and cents:
        dollars, rest = "", said
    assert (value_heard(dollars), value_heard(rest)) == (whole, cents)


@given(
    st.text(alphabet=string.digits, min_size=10, max_size=10).filter(lambda figures: figures[0] not in "01"),
    st.sampled_from(
        ["{0}-{1}-{2}", "({0}) {1}-{2}", "{0}.{1}.{2}", "+1{0}{1}{2}", "+1 {0} {1} {2}", "{0} {1} {2}"]
    ),
)
def test_every_digit_of_a_telephone_number_is_said_in_order(figures: str, form: str) -> None:
    written = form.format(figures[:3], figures[3:6], figures[6:])
    said = spoken(f"Call {written}, please.")
    assert digits_heard(said) == "".join(re.findall("[0-9]", written))
    assert not re.search("[0-9]", said)
    assert said.count(",") >= 3  # the pauses between the groups


@given(FIGURES, st.sampled_from(["confirmation number {}", "PIN {}", "code: {}", "account #{}", "ext. {}"]))
def test_every_digit_of_a_code_is_said_in_order(figures: str, frame: str) -> None:
    assert digits_heard(spoken(frame.format(figures))) == figures


@given(st.text(alphabet=string.ascii_uppercase, min_size=3, max_size=12), st.sampled_from(["-", " "]))
def test_every_letter_of_a_spelled_name_is_said_apart(name: str, between: str) -> None:
    assert spoken(f"It is {between.join(name)}.") == f"It is {', '.join(name)}."


@given(st.dates(datetime.date(1950, 1, 1), datetime.date(2099, 12, 31)))
def test_all_ways_to_write_a_day_are_said_alike(day: datetime.date) -> None:
    in_full = spoken(f"{day:%B} {day.day}, {day.year}")
    assert in_full.startswith(f"{day:%B} ")
    assert spoken(day.isoformat()) == in_full
    assert spoken(f"{day.month}/{day.day}/{day.year}") == in_full
    assert spoken(f"{day:%b}. {day.day}, {day.year}") == in_full


@given(st.integers(0, 23), st.integers(0, 59))
def test_all_ways_to_write_a_time_are_said_alike(hour: int, minute: int) -> None:
    half = "AM" if hour < 12 else "PM"
    with_half = spoken(f"{hour % 12 or 12}:{minute:02d} {half}")
    assert with_half.endswith(half)
    if hour > 12:
        assert spoken(f"{hour}:{minute:02d}") == with_half
    assert spoken(f"{hour % 12 or 12}:{minute:02d}{half.lower()}") == with_half


PLAIN = st.text(alphabet=string.ascii_letters + " ,!?'’-éüñ", max_size=200).filter(
    lambda text: not re.search(r"\b[A-Za-z](?:[ -][A-Za-z]\b){2}", text)
)


@given(PLAIN)
def test_a_text_without_such_things_stays_as_it_is(text: str) -> None:
    assert spoken(text) == text


HOSTILE = st.text(alphabet="0123456789 .,:;-–/$€%#@&+*()'x°½kmMaApPT\n", max_size=120)
LANGUAGES = st.sampled_from(["en-US", "en-GB", "en", "de-DE", "es", "fr-CA", "zh-Hant-TW", "", "-", "x-y-z"])


@given(st.one_of(st.text(max_size=200), HOSTILE), LANGUAGES)
def test_it_never_fails_and_never_leaves_nothing_of_something(text: str, language: str) -> None:
    said = spoken(text, language)
    assert bool(said.strip()) == bool(text.strip())
    parts = pieces(text, language)
    assert "".join(part.written for part in parts) == text
    assert "".join(part.said for part in parts) == said


@given(HOSTILE)
def test_no_figure_is_left_to_the_voice(text: str) -> None:
    assert not re.search("[0-9]", spoken(text))


@pytest.mark.parametrize("said", [said for cases in CASES.values() for _, said in cases])
def test_what_is_said_is_said_the_same_again(said: str) -> None:
    assert spoken(said) == said


@given(st.text(alphabet="0123456789 -", max_size=60))
def test_as_many_numbers_are_said_as_are_written(text: str) -> None:
    """Nothing is dropped: a word for every run of figures at least, also for the month and the day of a date."""
    numbers = re.findall("[0-9]+", text)
    assert len([word for word in re.findall("[a-z]+", spoken(text).lower()) if word in NUMBER_WORDS]) >= len(
        numbers
    )


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1-",
        "a.b",
        "$1,",
        "A-1 ",
        "1 2 ",
        "(",
        "+1",
        "w/",
        "room ",
        "Mar 5 ",
        "a@",
        "http://",
        "1/2",
        "1:00",
        "A.",
    ],
)
def test_time_is_bounded(unit: str) -> None:
    text = unit * (MAX_CHARS // len(unit))
    spoken(unit)
    start = time.perf_counter()
    spoken(text)
    assert time.perf_counter() - start < 2.0  # a fiftieth of that on an idle machine
