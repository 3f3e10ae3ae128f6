from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.machine.retry import LONGEST_DELAY, GiveUp, Retry, RetryPolicy, decide
from manyhands.model.errors import OptionError, UsageError
from manyhands.model.states import Cause

TRIED_AGAIN = [cause for cause in Cause if cause is not Cause.CANCELED]
BUDGETS = st.integers(1, 6)
POLICIES = st.builds(
    RetryPolicy,
    attempts=BUDGETS,
    lost_attempts=BUDGETS,
    memory_attempts=st.none() | BUDGETS,
    timeout_attempts=st.none() | BUDGETS,
    delay=st.floats(0, 1e6),
    backoff=st.floats(1, 10),
    max_delay=st.floats(0, 1e9),
    jitter=st.floats(0, 1),
)
CHANCES = st.floats(0, 1, exclude_max=True)


def limits(policy: RetryPolicy) -> dict[Cause, int]:
    return {
        Cause.ERROR: policy.attempts,
        Cause.LOST: policy.lost_attempts,
        Cause.MEMORY: policy.attempts if policy.memory_attempts is None else policy.memory_attempts,
        Cause.TIMEOUT: policy.attempts if policy.timeout_attempts is None else policy.timeout_attempts,
        Cause.CANCELED: 1,
    }


def test_defaults_try_three_times_at_once():
    policy = RetryPolicy()
    assert [decide(policy, {Cause.ERROR: count}, Cause.ERROR) for count in (1, 2)] == [Retry(0.0), Retry(0.0)]
    assert decide(policy, {Cause.ERROR: 3}, Cause.ERROR) == GiveUp("3 of 3 attempts ended by error")


@given(POLICIES, st.lists(st.sampled_from(list(Cause)), max_size=40), CHANCES)
def test_budgets_are_kept_cause_by_cause(policy, causes, chance):
    counts: dict[Cause, int] = {}
    for cause in causes:
        counts[cause] = counts.get(cause, 0) + 1
        decision = decide(policy, counts, cause, True, chance)
        assert isinstance(decision, Retry) == (counts[cause] < limits(policy)[cause])
        if isinstance(decision, GiveUp):
            break


def test_a_dying_machine_does_not_burn_the_tries_of_the_user():
    policy = RetryPolicy(attempts=2, lost_attempts=5)
    assert decide(policy, {Cause.LOST: 4, Cause.MEMORY: 1, Cause.ERROR: 1}, Cause.ERROR) == Retry(0.0)
    assert decide(policy, {Cause.LOST: 4, Cause.ERROR: 1}, Cause.LOST) == Retry(0.0)


@given(POLICIES, st.sampled_from(TRIED_AGAIN), CHANCES)
def test_memory_and_timeout_ask_for_more(policy, cause, chance):
    decision = decide(policy, {cause: 1}, cause, True, chance)
    if isinstance(decision, Retry):
        assert decision.scale == (cause in (Cause.MEMORY, Cause.TIMEOUT))
    else:
        assert limits(policy)[cause] == 1


@given(POLICIES, st.sampled_from(list(Cause)), CHANCES)
def test_what_is_not_retryable_is_over(policy, cause, chance):
    assert isinstance(decide(policy, {cause: 1}, cause, False, chance), GiveUp)


def test_canceled_is_over_even_without_bounds():
    policy = RetryPolicy(infinite=True, lost_attempts=-1)
    assert decide(policy, {Cause.CANCELED: 1}, Cause.CANCELED) == GiveUp("canceled")


@given(POLICIES, st.integers(1, 10**30), CHANCES)
def test_delays_are_bounded_and_deterministic(policy, failures, chance):
    patient = msgspec.structs.replace(policy, infinite=True)
    decision = decide(patient, {Cause.ERROR: failures}, Cause.ERROR, True, chance)
    assert decision == decide(patient, {Cause.ERROR: failures}, Cause.ERROR, True, chance)
    assert isinstance(decision, Retry)
    whole = patient.rest(failures)
    assert 0 <= whole <= min(policy.max_delay, LONGEST_DELAY)
    assert whole * (1 - policy.jitter) <= decision.after <= whole


@given(POLICIES, st.integers(1, 2000))
def test_delays_rise(policy, failures):
    assert policy.rest(failures) <= policy.rest(failures + 1) * (1 + 1e-12)


@given(st.floats(0.001, 100), st.floats(1, 5), st.integers(1, 12))
def test_delays_are_those_of_the_formula(delay, backoff, failures):
    policy = RetryPolicy(delay=delay, backoff=backoff, max_delay=math.inf)
    assert policy.rest(failures) == pytest.approx(min(delay * backoff ** (failures - 1), LONGEST_DELAY))


def test_back_off_by_hand():
    policy = RetryPolicy(attempts=9, delay=2.0, backoff=3.0, max_delay=50.0, jitter=0.5)
    assert [policy.rest(failures) for failures in (1, 2, 3, 4, 5)] == [2.0, 6.0, 18.0, 50.0, 50.0]
    assert decide(policy, {Cause.ERROR: 2}, Cause.ERROR, chance=0.5) == Retry(4.5)


@pytest.mark.parametrize("backoff", [1.0, 1.0000001, 2.0, 1e300])
@pytest.mark.parametrize("delay", [0.0, 5e-324, 1.0, 1e308, math.inf])
def test_no_number_of_failures_overflows(backoff, delay):
    policy = RetryPolicy(infinite=True, delay=delay, backoff=backoff, max_delay=math.inf)
    for failures in (1, 2, 1024, 10**18, 10**400):
        assert 0 <= policy.rest(failures) <= LONGEST_DELAY


def test_infinite_must_be_said():
    with pytest.raises(OptionError, match="infinite=True"):
        RetryPolicy(attempts=-1)
    with pytest.raises(OptionError, match="lost_attempts=-1"):
        RetryPolicy(lost_attempts=-1)
    policy = RetryPolicy(infinite=True, timeout_attempts=2)
    assert [policy.budget(cause) for cause in Cause] == [None, 3, None, 2, 1]
    assert RetryPolicy(attempts=-1, infinite=True) == msgspec.structs.replace(RetryPolicy(infinite=True), attempts=-1)
    assert isinstance(decide(policy, {Cause.ERROR: 10**9}, Cause.ERROR), Retry)


@pytest.mark.parametrize(
    "options",
    [
        {"attempts": 0},
        {"attempts": -2, "infinite": True},
        {"attempts": 2.0},
        {"attempts": True},
        {"attempts": None},
        {"lost_attempts": "3"},
        {"memory_attempts": 0},
        {"timeout_attempts": -1},
        {"delay": -1},
        {"delay": math.nan},
        {"delay": "1"},
        {"backoff": 0.5},
        {"backoff": math.inf},
        {"max_delay": -0.1},
        {"max_delay": None},
        {"jitter": 1.5},
        {"jitter": False},
    ],
    ids=str,
)
def test_wrong_options_are_named(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        RetryPolicy(**options)


def test_decisions_travel():
    for decision in (Retry(1.5, True), GiveUp("canceled")):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(decision), type=Retry | GiveUp) == decision
