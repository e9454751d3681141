from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gzslbench.report.html.site import link, method_file, run_file, web_address

names = st.text(alphabet=st.characters(), max_size=30)


def test_a_plain_name_is_its_pages_and_the_address_of_it():
    assert run_file("ce-gzsl-AWA2-s1-0123456789") == "runs/ce-gzsl-AWA2-s1-0123456789.html"
    assert link(method_file("ce-gzsl"), "../") == "../methods/ce-gzsl.html"


@given(names)
def test_every_name_has_a_page_inside_the_site_that_a_link_needs_no_more_care_for(name):
    page = run_file(name)
    assert re.fullmatch(r"runs/[A-Za-z0-9_][\w.-]*\.html|runs/[\w-]*~[0-9a-f]{10}\.html", page)
    assert ".." not in page.split("/") and link(page, "") == page


@given(names, names)
@example("a b", "a-b~c8687a08aa")
@example("a b", "a-b-c8687a08aa")
def test_no_two_names_share_a_page(one, other):
    assert (method_file(one) == method_file(other)) == (one == other)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", ""])
def test_only_the_web_is_linked_to(url):
    assert web_address(url) == ""
    assert web_address("https://arxiv.org/abs/1") == "https://arxiv.org/abs/1"
