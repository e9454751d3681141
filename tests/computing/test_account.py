from __future__ import annotations

from gzslbench.computing.account import account_kept, told


def test_an_account_holds_the_last_word_of_what_is_told_while_it_is_open():
    told("scores", "before")
    with account_kept() as outer:
        told("scores", "compiled")
        with account_kept() as inner:
            told("scores", "plain")
        told("rows at once", "7")
    told("scores", "after")
    assert outer == {"scores": "plain", "rows at once": "7"}
    assert inner == {"scores": "plain"}


def test_accounts_may_close_in_any_order():
    first, second = account_kept(), account_kept()
    one, two = first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    told("scores", "plain")
    second.__exit__(None, None, None)
    assert (one, two) == ({}, {"scores": "plain"})
