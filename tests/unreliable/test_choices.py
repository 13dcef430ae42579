"""Schedules and their tokens."""

import pytest

from unreliable.choices import FAULTLESS, Choices, Dice, Schedule, ScheduleError

OPTIONS = ("goes on", "crash", "lose")


@pytest.mark.parametrize("faults", [(), ((7, 1),), ((7, 1), (23, 2))])
def test_a_token_is_read_back(faults: tuple[tuple[int, int], ...]):
    assert Schedule.parse(Schedule(faults).token) == Schedule(faults)


def test_a_token_names_choice_and_option():
    assert Schedule(((7, 1), (23, 2))).token == "7.1-23.2"
    assert Schedule().token == FAULTLESS


@pytest.mark.parametrize("token", ["", "7", "7.", "7.1-", "-7.1", "7.1 ", "7.1-x.2", "faultless-7.1", "7.-1"])
def test_what_is_no_token_is_refused(token: str):
    with pytest.raises(ScheduleError, match="is no schedule"):
        Schedule.parse(token)


def test_without_a_schedule_all_goes_well_and_is_remembered():
    choices = Choices()
    assert [choices.choose(OPTIONS), choices.choose(("only",))] == ["goes on", "only"]
    assert (choices.met, choices.faults) == ([OPTIONS, ("only",)], 0)


def test_a_schedule_chooses_at_its_places_and_nowhere_else():
    choices = Choices(Schedule(((1, 1), (3, 2))))
    assert [choices.choose(OPTIONS) for _ in range(5)] == ["goes on", "crash", "goes on", "lose", "goes on"]
    assert (choices.faults, choices.settled) == (2, True)


def test_a_schedule_that_the_run_did_not_come_to_is_not_settled():
    choices = Choices(Schedule(((1, 1),)))
    choices.choose(OPTIONS)
    assert not choices.settled


@pytest.mark.parametrize("option", [0, 3])
def test_a_schedule_that_does_not_fit_the_run_is_an_error(option: int):
    choices = Choices(Schedule(((0, option),)))
    with pytest.raises(ScheduleError, match=f"choice 0 has no option {option}, only goes on, crash, lose"):
        choices.choose(OPTIONS)


def test_dice_write_down_the_schedule_that_replays_them():
    numbers = iter([0.9, 0.1, 0.99, 0.1, 0.0])
    dice = Dice(lambda: next(numbers), fault_probability=0.5)
    thrown = [dice.choose(OPTIONS), dice.choose(OPTIONS), dice.choose(("only",)), dice.choose(OPTIONS)]
    assert thrown == ["goes on", "lose", "only", "crash"]
    again = Choices(dice.taken)
    assert [again.choose(options) for options in dice.met] == thrown
