//! Remembers as one the parts of a divided stream that have nothing new.

use std::collections::HashSet;

use tapline_core::{Cursor, Fold, Known, Marks, Members};

/// Folds that are kept. Each holds the parts that were last met at the same time, so there would
/// be one for every run that missed some.
const MOST: usize = 8;

/// The parts that a run has read to their end, by hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadParts {
    /// All of them.
    pub(crate) all: HashSet<u64>,
    /// Those that have no record at all, as far back as the run has looked.
    pub(crate) empty: Vec<u64>,
    /// How far that is; `None`: to the beginning.
    pub(crate) from: Option<Cursor>,
}

/// Folds the parts of `after` that were `read` to their end, and that have nothing as new as what
/// was the newest `before` the run: whatever their source showed by then, it has shown. `before`
/// was seen, so this is no promise of a clock.
pub(crate) fn fold(after: &mut Marks, before: &Cursor, read: ReadParts) {
    let ReadParts { all, empty, from } = read;
    let mut found: Vec<(Option<Cursor>, Vec<u64>)> = vec![(from, empty)];
    let mut put = |from: Option<Cursor>, members: &mut dyn Iterator<Item = u64>| match found
        .iter_mut()
        .find(|(other, _)| *other == from)
    {
        Some((_, list)) => list.extend(members),
        None => found.push((from, members.collect())),
    };
    for fold in &mut after.folds {
        let again = fold.members.split_off(|member| all.contains(&member));
        put(fold.from.clone(), &mut again.into_iter());
    }
    after.partitions.retain(|name, known| {
        let hash = Members::hash(name);
        let from = (!name.is_empty() && all.contains(&hash))
            .then(|| at_rest(known, before))
            .flatten();
        match from {
            Some(from) => {
                put(from, &mut std::iter::once(hash));
                false
            }
            None => true,
        }
    });
    let folds = found.into_iter().map(|(from, members)| Fold {
        from,
        until: before.clone(),
        members: members.into_iter().collect(),
    });
    after.folds.extend(folds);
    after.folds.retain(|fold| !fold.members.is_empty());
    while after.folds.len() > MOST && merge_oldest(&mut after.folds) {}
}

/// Since when a part is complete, if it is so up to `before` and has no record from there on.
#[expect(
    clippy::option_option,
    reason = "it may be complete since the beginning"
)]
fn at_rest(known: &Known, before: &Cursor) -> Option<Option<Cursor>> {
    match (known.newest.as_ref(), known.coverage.spans()) {
        (Some(newest), [span]) if newest < before && span.end == *newest => {
            Some(span.start.clone())
        }
        _ => None,
    }
}

/// Makes one of the two that end first, of those that begin alike: some of their parts are then
/// asked for more than is new.
fn merge_oldest(folds: &mut Vec<Fold>) -> bool {
    folds.sort_by(|a, b| (&a.from, &a.until).cmp(&(&b.from, &b.until)));
    let alike = (1..folds.len())
        .filter(|at| folds[at - 1].from == folds[*at].from)
        .min_by(|a, b| folds[*a].until.cmp(&folds[*b].until));
    let Some(at) = alike else {
        return false;
    };
    let later = folds.remove(at);
    let members = std::mem::take(&mut folds[at - 1].members).into_iter();
    folds[at - 1].members = members.chain(later.members).collect();
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tapline_core::{CursorType, Ties};

    use super::*;

    fn at(number: i64) -> Cursor {
        Cursor::of_number(CursorType::Integer, number).unwrap()
    }

    fn known(start: Option<i64>, newest: i64) -> Known {
        let mut known = Known {
            newest: Some(at(newest)),
            ..Known::default()
        };
        known.coverage.add(start.map(at).as_ref(), &at(newest));
        known.ties.add(1);
        known
    }

    fn marks(parts: &[(&str, Known)]) -> Marks {
        let mut marks = Marks::new("incremental", "id", CursorType::Integer);
        let parts = parts.iter().cloned();
        marks.partitions = parts
            .map(|(name, known)| (name.to_owned(), known))
            .collect();
        marks
    }

    fn read(names: &[&str]) -> ReadParts {
        ReadParts {
            all: names.iter().map(|name| Members::hash(name)).collect(),
            ..ReadParts::default()
        }
    }

    #[test]
    fn what_has_nothing_new_is_folded_and_the_rest_stays() {
        let mut gap = known(None, 4);
        gap.coverage.add(Some(&at(10)), &at(12));
        gap.newest = Some(at(12));
        let mut after = marks(&[
            ("rest", known(None, 5)),
            ("later", known(Some(3), 7)),
            ("busy", known(None, 30)),
            ("same", known(None, 20)),
            ("gap", gap),
            ("missed", known(None, 5)),
        ]);
        let mut parts = read(&["rest", "later", "busy", "same", "gap", "empty"]);
        parts.empty = vec![Members::hash("empty")];
        fold(&mut after, &at(20), parts);
        let left: Vec<_> = after.partitions.keys().map(String::as_str).collect();
        // One with a record at the very cursor would bring that again.
        assert_eq!(left, ["busy", "gap", "missed", "same"]);
        let folded = |start: Option<i64>| {
            let known = known(start, 20);
            Some(Known {
                ties: Ties::default(),
                ..known
            })
        };
        assert_eq!(after.known("rest"), folded(None));
        assert_eq!(after.known("empty"), folded(None));
        assert_eq!(after.known("later"), folded(Some(3)));
        assert_eq!((after.known("other"), after.folds.len()), (None, 2));
    }

    #[test]
    fn what_was_not_met_again_keeps_its_cursor() {
        let mut after = marks(&[("a", known(None, 5)), ("b", known(None, 6))]);
        fold(&mut after, &at(10), read(&["a", "b"]));
        fold(&mut after, &at(20), read(&["b"]));
        assert_eq!(after.known("a").unwrap().newest, Some(at(10)));
        assert_eq!(after.known("b").unwrap().newest, Some(at(20)));
        fold(&mut after, &at(30), read(&["a", "b"]));
        assert_eq!((after.folds.len(), after.parts()), (1, 2));
    }

    proptest! {
        /// However often parts come and go, there are few folds, no part is forgotten, and none is
        /// taken for more complete than it was when it was last read.
        #[test]
        fn folds_stay_few_and_promise_nothing_new(
            runs in prop::collection::vec(prop::collection::vec(any::<bool>(), 6), 1..40),
        ) {
            let names = ["a", "b", "c", "d", "e", "f"];
            let mut after = marks(&names.map(|name| (name, known(None, 1))));
            let mut last = [1_i64; 6];
            for (run, met) in runs.iter().enumerate() {
                let before = 2 + run as i64;
                let met: Vec<_> = names.iter().zip(met).filter(|(_, met)| **met).collect();
                let names_met: Vec<&str> = met.iter().map(|(name, _)| **name).collect();
                fold(&mut after, &at(before), read(&names_met));
                for (index, name) in names.iter().enumerate() {
                    if names_met.contains(name) {
                        last[index] = before;
                    }
                    let newest = after.known(name).unwrap().newest.unwrap();
                    prop_assert!(newest <= at(last[index]));
                }
                prop_assert!(after.folds.len() <= MOST + 1);
                prop_assert_eq!(after.parts(), names.len());
            }
        }
    }
}
