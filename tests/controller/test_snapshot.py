"""The last good state: reading less than before never takes anything away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.controller.snapshot import Snapshot, changed, merge
from reconciler.source.folder import Loaded
from tests.controller.fakes import app, diagnostic

SHOP, BLOG = "production/shop", "production/blog"


def loaded(*apps, broken=None, broken_keys=(), diagnostics=()) -> Loaded:
    """Build what the loader gives."""
    return Loaded(
        apps={a.key: a for a in apps},
        diagnostics=tuple(diagnostics),
        broken=broken or {},
        broken_keys=frozenset(broken_keys),
    )


def test_good_files_are_taken_as_they_are():
    """A reading without mistakes is the new state."""
    after = merge(Snapshot(apps={SHOP: app(SHOP, "old")}), loaded(app(SHOP, "new"), app(BLOG)))
    assert after.apps == {SHOP: app(SHOP, "new"), BLOG: app(BLOG)}
    assert (after.broken, after.vanished, after.problem) == ({}, frozenset(), "")


def test_a_broken_file_keeps_that_apps_last_good_state():
    """One app's mistake leaves its old state and takes the other's new one."""
    last = Snapshot(apps={SHOP: app(SHOP, "old"), BLOG: app(BLOG, "old")})
    mistake = (diagnostic(),)
    after = merge(last, loaded(app(BLOG, "new"), broken={SHOP: mistake}))
    assert (after.apps[SHOP].content_hash, after.apps[BLOG].content_hash) == ("old", "new")
    assert after.broken == {SHOP: mistake}
    assert after.vanished == frozenset()


def test_a_folder_that_was_never_good_is_known_by_its_path():
    """The key of a broken folder is told from what the loader could still read and the path."""
    mistake = (diagnostic("d/production/shop/app.yaml"),)
    after = merge(Snapshot(), loaded(broken={"d/production/shop": mistake}, broken_keys={SHOP}))
    assert after.broken == {SHOP: mistake}
    assert after.apps == {}
    assert after.keys() == {SHOP}


def test_a_folder_of_which_nothing_can_be_told_is_said_anyway():
    """Its mistakes are not lost for want of an app."""
    mistake = (diagnostic("d/odd/app.yaml"),)
    after = merge(Snapshot(), loaded(broken={"d/odd": mistake}))
    assert (after.unplaced, after.broken) == (mistake, {})


def test_a_broken_key_without_a_folder_is_broken_not_vanished():
    """When the loader names only the key, the app is not taken for deleted."""
    after = merge(Snapshot(apps={SHOP: app(SHOP)}), loaded(app(BLOG), broken_keys={SHOP}))
    assert (after.broken, after.vanished) == ({SHOP: ()}, frozenset())


def test_a_vanished_folder_is_reported_and_its_state_stays():
    """Deleting a folder deletes nothing: the app is marked, its last good state stays."""
    after = merge(Snapshot(apps={SHOP: app(SHOP), BLOG: app(BLOG)}), loaded(app(BLOG)))
    assert after.vanished == {SHOP}
    assert after.apps[SHOP] == app(SHOP)


def test_a_folder_that_comes_back_is_no_longer_vanished():
    """The mark goes with its cause."""
    last = Snapshot(apps={SHOP: app(SHOP), BLOG: app(BLOG)}, vanished=frozenset({SHOP}))
    assert merge(last, loaded(app(SHOP), app(BLOG))).vanished == frozenset()


def test_an_empty_folder_changes_nothing_but_the_problem():
    """An empty folder is not a wish to have no apps."""
    last = Snapshot(apps={SHOP: app(SHOP)})
    after = merge(last, loaded())
    assert (after.apps, after.vanished) == (last.apps, frozenset())
    assert "no app.yaml" in after.problem


def test_an_unreadable_folder_changes_nothing_but_the_problem():
    """What could not be read says nothing about the apps; the next good reading heals it."""
    last = Snapshot(apps={SHOP: app(SHOP)})
    after = merge(last, None, "d: Permission denied")
    assert (after.apps, after.problem) == (last.apps, "d: Permission denied")
    assert merge(after, loaded(app(SHOP))).problem == ""


def test_an_unreadable_parent_breaks_the_apps_below_and_no_others():
    """What lies below a folder that cannot be listed has not vanished."""
    last = Snapshot(apps={SHOP: app(SHOP, folder="d/production/shop"), "test/x": app("test/x")})
    mistake = (diagnostic("d/production"),)
    after = merge(last, loaded(broken={"d/production": mistake}))
    assert (after.broken, after.vanished) == ({SHOP: mistake}, {"test/x"})


def test_a_claim_that_nobody_knows_and_that_has_no_mistake_is_no_app():
    """A broken folder whose text and path name two apps is reported once."""
    mistake = (diagnostic(),)
    after = merge(Snapshot(), loaded(broken={SHOP: mistake}, broken_keys={SHOP, BLOG}))
    assert after.keys() == {SHOP}


def test_a_renamed_folder_is_the_same_app():
    """A good folder wins over a broken one that was the app's place before."""
    last = Snapshot(apps={SHOP: app(SHOP, folder="old")})
    mistake = (diagnostic(),)
    after = merge(last, loaded(app(SHOP, folder="new"), broken={"old": mistake}))
    assert after.apps[SHOP].folder == "new"
    assert (after.broken, after.unplaced) == ({}, mistake)


def test_changed_names_the_apps_to_look_at():
    """Content, commit, mistakes and vanishing are changes; an equal reading is none."""
    before = Snapshot(apps={SHOP: app(SHOP), BLOG: app(BLOG)})
    assert changed(before, before) == frozenset()
    assert changed(before, merge(before, loaded(app(SHOP, "x"), app(BLOG)))) == {SHOP}
    assert changed(before, merge(before, loaded(app(SHOP, commit="f00"), app(BLOG)))) == {SHOP}
    assert changed(before, merge(before, loaded(app(SHOP)))) == {BLOG}
    broken = merge(before, loaded(app(SHOP), broken={BLOG: (diagnostic(),)}))
    assert changed(before, broken) == {BLOG}
    assert changed(broken, before) == {BLOG}


KEYS = st.sampled_from(["e/a", "e/b", "e/c"])
READINGS = st.one_of(
    st.none(),
    st.builds(
        lambda good, bad: loaded(
            *(app(k, c) for k, c in good.items()),
            broken={k: (diagnostic(),) for k in bad - good.keys()},
        ),
        st.dictionaries(KEYS, st.sampled_from("123")),
        st.sets(KEYS),
    ),
)


@given(st.lists(READINGS, max_size=8))
def test_whatever_is_read_no_app_is_ever_lost(readings):
    """After any readings every app that ever was good is there, in its newest good state."""
    state, newest = Snapshot(), {}
    for reading in readings:
        newest |= reading.apps if reading else {}
        state = merge(state, reading)
        assert state.apps == newest
        # Every app is exactly one of: as the files say, broken, vanished; or nothing could be read.
        if not state.problem:
            assert (
                state.keys() == frozenset(reading.apps) | frozenset(state.broken) | state.vanished
            )
            assert not state.vanished & frozenset(state.broken)
