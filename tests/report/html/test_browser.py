"""The report in a real browser, opened from disk."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.runs.store import Store

pytestmark = pytest.mark.acceptance

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


def pages(site):
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))


def kinds(site):
    """A page of each kind; the run and the method are those with most content."""
    run = next(name for name in pages(site) if name.startswith("runs/ce-gzsl-digits"))
    return ["index.html", "runs.html", run, "methods/ce-gzsl.html", "methods/eszsl.html"]


def column(board, dataset):
    """The numbers of a column of a table, from the top."""
    cells = board.locator(f"tbody td[data-dataset='{dataset}'][data-metric=H]:visible")
    return [float(found[0]) for text in cells.all_inner_texts() if (found := re.findall(r"^[\d.]+", text))]


def test_every_page_opens_without_an_error_and_asks_nothing_of_any_network(browse, site):
    tab = browse()
    for page in pages(site):
        tab.goto((site / page).as_uri())
        assert tab.title().endswith("· gzslbench")
        assert tab.evaluate("window.hacked") is None


def test_every_link_leads_to_a_page_or_a_place_that_is_there(browse, site):
    tab = browse()
    seen = set()
    for page in pages(site):
        tab.goto((site / page).as_uri())
        seen |= set(tab.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"))
    inside = {url for url in seen if url.startswith("file:")}
    assert len(inside) > 20
    for url in inside:
        path, _, place = unquote(url.removeprefix("file://")).partition("#")
        text = (site / path).read_text()
        assert not place or f'id="{place}"' in text
    assert all(url.startswith("https://") for url in seen - inside)


def test_a_column_sorts_both_ways_by_click_and_by_key(browse):
    tab = browse()
    board = tab.locator(".board:visible", has=tab.locator("th[data-dataset=synthetic]")).first
    head = board.locator("th[data-dataset=synthetic][data-metric=H]")
    head.locator("button").click()
    numbers = column(board, "synthetic")
    assert len(numbers) == 3 and numbers == sorted(numbers, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.locator("button").focus()
    tab.keyboard.press("Enter")
    assert column(board, "synthetic") == sorted(numbers)
    assert head.get_attribute("aria-sort") == "ascending"
    board.locator("thead button").first.click()
    labels = board.locator("tbody th:visible").all_inner_texts()
    assert labels == sorted(labels) and head.get_attribute("aria-sort") is None


def test_filters_choose_metric_rule_setting_methods_and_datasets(browse):
    tab = browse()
    told = tab.locator(".filters output")
    boards = tab.locator(".board:visible")
    before = boards.count()
    assert before >= 1 and told.inner_text().endswith("tables" if before > 1 else "table")
    heads = boards.first.locator("thead th:visible")
    assert "AUSUC" not in " ".join(heads.all_inner_texts())
    tab.get_by_label("AUSUC", exact=True).check()
    assert "AUSUC" in " ".join(heads.all_inner_texts()) and boards.count() == before
    tab.get_by_role("radio", name="best epoch on TEST").check()
    assert "chosen on the test set" in boards.first.inner_text()
    tab.get_by_label("synthetic", exact=True).uncheck()
    assert tab.locator("[data-dataset=synthetic]:visible").count() == 0
    assert tab.locator("[data-dataset=digits]:visible").count() > 0
    tab.get_by_role("searchbox", name="Method").fill("CLSW")
    assert boards.count() >= 1
    for label in tab.locator(".board:visible tbody th:visible").all_inner_texts():
        assert "clsw" in label
    tab.get_by_label("Features and semantics").select_option("pixels att")
    assert boards.count() >= 1
    tab.get_by_role("searchbox", name="Method").fill("no such method")
    assert boards.count() == 0 and tab.get_by_text("Nothing matches these filters.").is_visible()
    assert told.inner_text() == "0 rows in 0 tables"
    tab.get_by_label("synthetic", exact=True).check()
    tab.get_by_role("searchbox", name="Method").fill("eszsl")
    tab.get_by_role("radio", name="last epoch").check()
    shown = tab.locator(".board:visible tbody:not(.published) tr:visible").count()
    assert told.inner_text().startswith(f"{shown} rows in {boards.count()} table")


def test_a_number_leads_to_its_runs_and_they_to_the_command_that_repeats_them(browse, site):
    tab = browse()
    cell = tab.locator(".board:visible tr[data-method=ce-gzsl] td[data-dataset=digits][data-metric=S]").first
    shown = tab.locator(":popover-open")
    assert shown.count() == 0
    cell.get_by_role("button").press("Enter")
    assert shown.get_by_role("link").count() == 5
    assert "95 % over seeds" in shown.inner_text()
    tab.keyboard.press("Escape")
    assert shown.count() == 0
    cell.get_by_role("button").click()
    shown.get_by_role("link").first.click()
    tab.wait_for_load_state()
    assert "-digits-s" in tab.locator("h1").inner_text()
    assert tab.locator("pre").inner_text().startswith("gzslbench run --method")
    tab.get_by_role("link", name="ce-gzsl", exact=True).first.click()
    tab.wait_for_load_state()
    assert tab.locator("h1").inner_text() == "CE-GZSL"
    assert "Published numbers" in tab.locator("main").inner_text()


def test_figures_are_drawn_and_their_ids_are_their_own(browse, site):
    tab = browse(kinds(site)[2])
    figures = tab.locator("figure svg[role=img]")
    assert figures.count() == 5
    for i in range(5):
        box = figures.nth(i).bounding_box()
        assert box["width"] > 200 and box["height"] > 100
        assert figures.nth(i).get_attribute("aria-label")
    for page in pages(site):
        tab.goto((site / page).as_uri())
        ids = tab.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
        assert len(ids) == len(set(ids)), page


def test_the_list_of_runs_filters_by_text_dataset_and_status(browse):
    tab = browse("runs.html")
    rows = tab.locator("tbody tr:visible")
    every = rows.count()
    tab.get_by_label("Dataset").select_option("synthetic")
    assert rows.count() == 3
    tab.get_by_label("Text").fill("ESZSL")
    assert rows.count() == 1 and tab.locator("output").inner_text() == f"1 of {every} runs"
    tab.get_by_label("Status").select_option("diverged")
    assert rows.count() == 0
    tab.get_by_label("Text").fill("")
    tab.get_by_label("Dataset").select_option("my  data")
    assert rows.count() == 1 and tab.locator("output").inner_text() == f"1 of {every} runs"
    rows.get_by_role("link").first.click()
    tab.wait_for_load_state()
    assert "critic/penalty" in tab.locator(".alert", has_text="diverged").inner_text()


def test_the_way_back_shows_what_the_filters_say(browse):
    tab = browse()
    tab.get_by_label("U", exact=True).check()
    tab.get_by_role("link", name="Runs", exact=True).click()
    tab.wait_for_load_state()
    tab.go_back()
    tab.wait_for_timeout(300)
    metric = tab.locator("[name=metric]:checked").input_value()
    assert f": {metric} " in tab.locator(".board:visible .winner:visible").first.inner_text()


def test_charts_rank_and_order_follow_the_metric_and_points_lead_to_runs(browse):
    tab = browse()
    board = tab.locator(".board:visible", has=tab.locator("th[data-dataset=synthetic]")).first
    charts, rows = board.locator(".chart svg"), board.locator(".sortable tbody:not(.published) tr")
    for metric in ("T1", "AUSUC"):
        tab.get_by_label(metric, exact=True).check()
        assert f"against {metric};" in charts.nth(1).get_attribute("aria-label")
        places = [
            int(row.split()[["T1", "U", "S", "H", "AUSUC"].index(metric)])
            for row in rows.evaluate_all("rows => rows.map(row => row.dataset.places)")
        ]
        assert places == sorted(places)
    points = charts.first.locator("[role=button]")
    assert points.count() == board.locator("td[data-metric=H][data-value]:visible").count() > 2
    points.first.focus()
    tab.keyboard.press("Enter")
    assert tab.locator(":popover-open").get_by_role("link").count() >= 1


def test_a_command_is_copied(browse, site):
    tab = browse(kinds(site)[2])
    tab.evaluate(
        "() => { window.copied = []; navigator.clipboard.writeText = async text => { copied.push(text) } }"
    )
    tab.get_by_role("button", name="Copy").click()
    assert tab.get_by_role("button", name="Copied").is_visible()
    assert tab.evaluate("copied") == [tab.locator("pre").inner_text().strip()]


def test_the_table_of_runs_fits_its_box_on_a_screen(browse):
    tab = browse("runs.html", viewport={"width": 1280, "height": 900})
    wide = "box => box.scrollWidth - box.clientWidth"
    assert tab.locator(".scroll").evaluate(wide) <= 0


def test_names_in_records_cannot_put_anything_into_a_page(browse, site):
    (page,) = (name for name in pages(site) if name.startswith("runs/run-"))
    tab = browse(page)
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("h1").inner_text() == "run & <b>bold #1?"
    assert tab.locator("main img, main script, main b").count() == 0
    assert "onerror" in tab.locator("main").inner_text()
    assert "has a problem" in tab.locator(".alert").first.inner_text()


def test_the_page_follows_the_readers_theme_and_keeps_a_choice(browse):
    def paper(tab):
        return tab.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = paper(browse(color_scheme="light")), paper(browse(color_scheme="dark"))
    assert light != dark
    tab = browse(color_scheme="light")
    tab.get_by_role("button", name="Dark").click()
    assert paper(tab) == dark
    tab.get_by_role("link", name="Runs", exact=True).click()
    tab.wait_for_load_state()
    assert paper(tab) == dark and tab.get_by_role("button", name="Light").is_visible()


def test_nothing_is_wider_than_a_phone(browse, site):
    tab = browse(**PHONE)
    for page in kinds(site):
        tab.goto((site / page).as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360, page


@pytest.mark.parametrize(("scheme", "count"), [("light", 5), ("dark", 3)])
def test_screen_readers_and_keyboards_find_their_way(browse, site, scheme, count):
    tab = browse(color_scheme=scheme, bypass_csp=True)
    for page in kinds(site)[:count]:
        tab.goto((site / page).as_uri())
        found = Axe().run(tab, options={"preload": False})
        assert found.violations_count == 0, (page, found.generate_report())


def test_the_first_key_leads_past_the_navigation(browse):
    tab = browse()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "content"


def test_without_scripts_every_table_shows(browse):
    tab = browse(java_script_enabled=False)
    assert tab.locator(".filters").is_hidden() and tab.locator(".theme").is_hidden()
    boards = tab.locator(".board")
    assert boards.count() == 4  # by last and by test-peek, the usual runs and the hostile one
    assert boards.locator("td[data-metric=AUSUC]").first.is_visible()
    assert all(boards.nth(i).is_visible() for i in range(boards.count()))


def test_one_table_for_any_parameters_is_a_choice_where_it_joins_tables(chromium, store, browse, tmp_path):
    assert browse().get_by_label("one table for any parameters").count() == 0
    results = Store(tmp_path / "results")
    shutil.copytree(store.root, results.root)
    record = next(folder for folder in store.runs() if folder.id.startswith("f-clswgan-digits")).record()
    cell = replace(record.cell, params={**record.cell.params, "epochs": 3})
    results.run(cell.id).path.mkdir()
    results.run(cell.id).write_record(replace(record, cell=cell, id=cell.id))
    arguments = ["report", str(results.root), "--out", str(tmp_path / "site"), "--no-figures"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    tab = chromium.new_page()
    tab.goto((tmp_path / "site" / "index.html").as_uri())
    boards = tab.locator(".board:visible")
    before = boards.count()
    assert "parameters differ from the presets" in " ".join(boards.all_inner_texts())
    assert boards.first.locator("tbody tr[data-method^=f-clswgan]").count() == 1
    tab.get_by_label("one table for any parameters").check()
    assert boards.count() == before - 1
    joined = boards.first.locator("tbody tr[data-method^=f-clswgan] th").all_inner_texts()
    assert sorted(" ".join(text.split()) for text in joined) == ["f-clswgan (1)", "f-clswgan (2) epochs=3"]
    tab.close()
