//! How a list came from the one last sent: which of its items are old ones, and where they were.
//!
//! Not a log of operations but their result, so it cannot grow with the number of operations: an item
//! pushed and removed in one turn leaves nothing, one that is set twice is new once. Usually it is a
//! handful of runs; a list that was sorted or edited all over is noted item by item.
//!
//! [`List`](super::List) keeps it in step with its items; everything here is about positions only.

use std::borrow::Cow;
use std::ops::Range;

/// More runs than this are noted item by item.
const MOST_RUNS: usize = 4096;
/// Runs that there may be more of after two items have changed places: each takes one apart.
const MADE_BY_SWAP: usize = 4;
/// Runs out of order up to this many are searched for those that may stay.
const MOST_MOVED: usize = 256;
/// Stands for "from nowhere" where the position in the old list belongs.
const NEW: usize = usize::MAX;

/// Neighbours that were neighbours in the old list, or that are all new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    from: usize,
    len: usize,
}

impl Run {
    fn is_new(self) -> bool {
        self.from == NEW
    }

    /// The part from `at` on, seen from the old list.
    fn skip(self, at: usize) -> Self {
        Self { from: if self.is_new() { NEW } else { self.from + at }, len: self.len - at }
    }

    /// Whether `next` continues this run.
    fn meets(self, next: Self) -> bool {
        if self.is_new() { next.is_new() } else { !next.is_new() && self.from + self.len == next.from }
    }
}

/// One edit that leads from the old list to the new one, if the edits before it have been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Splice {
    /// Where in the new list.
    pub(super) index: usize,
    /// Where in the old list the removed items stood.
    pub(super) base: usize,
    pub(super) removed: usize,
    /// How many items of the new list, from `index` on, are to be inserted.
    pub(super) inserted: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The lists are the same.
    #[default]
    Clean,
    Runs,
    Items,
}

#[derive(Debug, Default)]
pub(super) struct Edits {
    mode: Mode,
    /// The length of the old list.
    base: usize,
    runs: Vec<Run>,
    items: Vec<usize>,
}

impl Edits {
    /// Begins anew: the old list is the present one.
    pub(super) fn reset(&mut self, len: usize) {
        self.mode = Mode::Clean;
        self.base = len;
        self.items = Vec::new();
        self.runs.clear();
        if self.runs.capacity() > 64 {
            self.runs = Vec::new();
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.mode == Mode::Clean
    }

    /// The length of the old list.
    pub(super) fn base(&self) -> usize {
        self.base
    }

    /// Where in the old list the item at `index` was.
    pub(super) fn origin(&self, index: usize) -> Option<usize> {
        let from = match self.mode {
            Mode::Clean => index,
            Mode::Items => self.items[index],
            Mode::Runs => {
                let (run, within) = self.find(index);
                self.runs[run].skip(within).from
            }
        };
        (from != NEW).then_some(from)
    }

    /// `count` new items stand at `index`.
    pub(super) fn insert(&mut self, index: usize, count: usize) {
        if count == 0 {
            return;
        }
        self.begin();
        if self.mode == Mode::Items {
            self.items.splice(index..index, std::iter::repeat_n(NEW, count));
            return;
        }
        self.put(index, Run { from: NEW, len: count });
        self.limit();
    }

    /// The items at `range` are gone.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        self.begin();
        if self.mode == Mode::Items {
            self.items.drain(range);
            return;
        }
        let (run, within) = self.find(range.start);
        let mut left = range.len();
        if within > 0 {
            let rest = self.runs[run].skip(within);
            self.runs[run].len = within;
            if rest.len > left {
                self.runs.insert(run + 1, rest.skip(left));
                self.close(run + 1);
                self.limit();
                return;
            }
            left -= rest.len;
        }
        let first = if within > 0 { run + 1 } else { run };
        let mut end = first;
        while left > 0 {
            let found = self.runs[end];
            if found.len > left {
                self.runs[end] = found.skip(left);
                break;
            }
            left -= found.len;
            end += 1;
        }
        self.runs.drain(first..end);
        self.close(first);
    }

    /// Only those items stay for which `stays` says so.
    pub(super) fn retain(&mut self, stays: &[bool]) {
        self.begin();
        let mut stays = stays.iter().copied();
        let mut stays = move || stays.next().unwrap_or(true);
        if self.mode == Mode::Items {
            self.items.retain(|_| stays());
            return;
        }
        let mut kept = Vec::new();
        for run in &self.runs {
            for at in 0..run.len {
                if stays() {
                    join(&mut kept, Run { len: 1, ..run.skip(at) });
                }
            }
        }
        self.runs = kept;
        self.limit();
    }

    /// The item at `index` is another one.
    pub(super) fn replace(&mut self, index: usize) {
        if self.mode == Mode::Items {
            self.items[index] = NEW;
        } else if self.origin(index).is_some() {
            self.remove(index..index + 1);
            self.insert(index, 1);
        }
    }

    /// Two items have changed places.
    pub(super) fn swap(&mut self, left: usize, right: usize) {
        self.begin();
        if self.mode == Mode::Runs && self.runs.len() + MADE_BY_SWAP > MOST_RUNS {
            // Before: half of it may not be noted in runs, and the other half item by item.
            self.spread();
        }
        if self.mode == Mode::Items {
            self.items.swap(left, right);
            return;
        }
        let [left_was, right_was] =
            [left, right].map(|index| Run { from: self.origin(index).unwrap_or(NEW), len: 1 });
        for (index, run) in [(left, right_was), (right, left_was)] {
            self.remove(index..index + 1);
            self.put(index, run);
        }
        // While one of them stood at both places they had other neighbours.
        for index in [left, right] {
            let (run, _) = self.find(index);
            self.close(run + 1);
            self.close(run);
        }
    }

    /// The items stand in another order: at `at` is now what was at `order[at]`.
    pub(super) fn permute(&mut self, order: &[usize]) {
        self.begin();
        if self.mode == Mode::Runs {
            self.spread();
        }
        self.items = order.iter().map(|from| self.items[*from]).collect();
    }

    /// Where every item came from, in order: `visit(origin, how many)`.
    pub(super) fn origins(&self, mut visit: impl FnMut(Option<usize>, usize)) {
        match self.mode {
            Mode::Clean => visit(Some(0), self.base),
            _ => self.runs().iter().for_each(|run| visit((!run.is_new()).then_some(run.from), run.len)),
        }
    }

    /// The edits that lead to the new list, in order, or `false` if the whole list had better be sent.
    pub(super) fn splices(&self, mut visit: impl FnMut(Splice)) -> bool {
        if self.mode == Mode::Clean {
            return true;
        }
        let runs = self.runs();
        if runs.len() > 2 * MOST_RUNS {
            return false;
        }
        let Some(stays) = staying(&runs) else { return false };
        let (mut index, mut base, mut inserted) = (0, 0, 0);
        for (at, run) in runs.iter().enumerate() {
            if run.is_new() || !stays.as_ref().is_none_or(|stays| stays[at]) {
                inserted += run.len;
                continue;
            }
            if inserted > 0 || run.from > base {
                visit(Splice { index, base, removed: run.from - base, inserted });
                index += inserted;
                inserted = 0;
            }
            index += run.len;
            base = run.from + run.len;
        }
        if inserted > 0 || self.base > base {
            visit(Splice { index, base, removed: self.base - base, inserted });
        }
        true
    }

    fn begin(&mut self) {
        if self.mode == Mode::Clean {
            self.mode = Mode::Runs;
            self.runs.clear();
            if self.base > 0 {
                self.runs.push(Run { from: 0, len: self.base });
            }
        }
    }

    /// `new` stands at `index`; noted in runs.
    fn put(&mut self, index: usize, new: Run) {
        let (run, within) = self.find(index);
        if within > 0 && !(new.is_new() && self.runs[run].is_new()) {
            let rest = self.runs[run].skip(within);
            self.runs[run].len = within;
            self.runs.splice(run + 1..run + 1, [new, rest]);
        } else if within > 0 {
            self.runs[run].len += new.len;
        } else {
            self.runs.insert(run, new);
            self.close(run + 1);
            self.close(run);
        }
    }

    /// Makes one run of the one at `at` and the one before it, if they meet.
    fn close(&mut self, at: usize) {
        if at > 0 && at < self.runs.len() && self.runs[at - 1].meets(self.runs[at]) {
            self.runs[at - 1].len += self.runs[at].len;
            self.runs.remove(at);
        }
    }

    /// The run that holds the item at `index`, and where in it. Past the end: the end.
    fn find(&self, index: usize) -> (usize, usize) {
        let mut left = index;
        for (at, run) in self.runs.iter().enumerate() {
            if left < run.len {
                return (at, left);
            }
            left -= run.len;
        }
        debug_assert_eq!(left, 0, "the list and its edits have the same length");
        (self.runs.len(), 0)
    }

    fn limit(&mut self) {
        if self.runs.len() > MOST_RUNS {
            self.spread();
        }
    }

    /// From runs to items.
    fn spread(&mut self) {
        self.items.clear();
        for run in self.runs.drain(..) {
            if run.is_new() {
                self.items.extend(std::iter::repeat_n(NEW, run.len));
            } else {
                self.items.extend(run.from..run.from + run.len);
            }
        }
        self.mode = Mode::Items;
    }

    fn runs(&self) -> Cow<'_, [Run]> {
        if self.mode == Mode::Runs {
            return Cow::Borrowed(&self.runs);
        }
        let mut runs: Vec<Run> = Vec::new();
        for from in &self.items {
            join(&mut runs, Run { from: *from, len: 1 });
        }
        Cow::Owned(runs)
    }
}

/// Adds a run behind others.
fn join(runs: &mut Vec<Run>, next: Run) {
    match runs.last_mut() {
        Some(last) if last.meets(next) => last.len += next.len,
        _ => runs.push(next),
    }
}

/// Which old runs may stay where they are while the others are removed and inserted again, so that as
/// many items as possible stay. `Some(None)`: all of them. `None`: too many to tell.
#[expect(clippy::option_option, reason = "the three answers are said above")]
fn staying(runs: &[Run]) -> Option<Option<Vec<bool>>> {
    let old = || runs.iter().enumerate().filter(|(_, run)| !run.is_new());
    if old().zip(old().skip(1)).all(|((_, left), (_, right))| left.from < right.from) {
        return Some(None);
    }
    if runs.len() > MOST_MOVED {
        return None;
    }
    // The heaviest rising sequence: for each run the best weight that ends there, and the run before it.
    let mut best: Vec<(usize, Option<usize>)> = vec![(0, None); runs.len()];
    let mut heaviest: Option<usize> = None;
    for (at, run) in old() {
        let before =
            old().take_while(|(earlier, _)| *earlier < at).filter(|(_, earlier)| earlier.from < run.from);
        let previous = before.map(|(earlier, _)| earlier).max_by_key(|earlier| best[*earlier].0);
        best[at] = (run.len + previous.map_or(0, |earlier| best[earlier].0), previous);
        if heaviest.is_none_or(|heaviest| best[at].0 > best[heaviest].0) {
            heaviest = Some(at);
        }
    }
    let mut stays = vec![false; runs.len()];
    while let Some(at) = heaviest {
        stays[at] = true;
        heaviest = best[at].1;
    }
    Some(Some(stays))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Edits of a list of `len`, and the splices that come of them as `[index, removed, inserted]`.
    #[track_caller]
    fn check(len: usize, edit: impl FnOnce(&mut Edits), expected: &[[usize; 3]]) {
        let mut edits = Edits::default();
        edits.reset(len);
        edit(&mut edits);
        let mut found = Vec::new();
        let told = edits.splices(|splice| found.push([splice.index, splice.removed, splice.inserted]));
        assert!(told, "the splices can be told");
        assert_eq!(found, expected);
    }

    #[test]
    fn neighbours_that_changed_are_one_splice() {
        check(3, |edits| (3..6).for_each(|at| edits.insert(at, 1)), &[[3, 0, 3]]);
        check(5, |edits| [1, 2, 2, 3, 1].iter().for_each(|at| edits.replace(*at)), &[[1, 3, 3]]);
        check(5, |edits| (0..4).rev().for_each(|at| edits.remove(at..at + 1)), &[[0, 4, 0]]);
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing() {
        check(3, |_| {}, &[]);
        let come_and_go = |edits: &mut Edits| {
            edits.insert(1, 2);
            edits.remove(1..3);
        };
        check(3, come_and_go, &[]);
    }

    #[test]
    fn few_items_that_moved_are_sent_and_the_others_stay() {
        let swap = |edits: &mut Edits| edits.permute(&[0, 8, 2, 3, 4, 5, 6, 7, 1, 9]);
        check(10, swap, &[[1, 1, 1], [8, 1, 1]]);
        check(10, |edits| edits.swap(1, 8), &[[1, 1, 1], [8, 1, 1]]);
        check(10, |edits| [(1, 8), (8, 1)].iter().for_each(|(left, right)| edits.swap(*left, *right)), &[]);
        let to_front = |edits: &mut Edits| edits.permute(&[4, 0, 1, 2, 3]);
        check(5, to_front, &[[0, 0, 1], [5, 1, 0]]);
        let pushed_and_sorted = |edits: &mut Edits| {
            edits.insert(4, 1);
            edits.permute(&[0, 4, 1, 2, 3]);
        };
        check(4, pushed_and_sorted, &[[1, 0, 1]]);
    }

    #[test]
    fn a_list_in_disorder_is_sent_whole() {
        let mut edits = Edits::default();
        edits.reset(1000);
        edits.permute(&(0..1000).rev().collect::<Vec<_>>());
        assert!(!edits.splices(|_| {}));
    }

    #[test]
    fn edits_all_over_a_long_list_are_noted_item_by_item() {
        let len = 10 * MOST_RUNS;
        let mut edits = Edits::default();
        edits.reset(len);
        (0..len).step_by(3).for_each(|at| edits.replace(at));
        assert_eq!(edits.mode, Mode::Items);
        assert_eq!((edits.origin(3), edits.origin(4)), (None, Some(4)));
        edits.remove(4..5);
        edits.insert(0, 1);
        assert_eq!((edits.origin(0), edits.origin(2), edits.origin(5)), (None, Some(1), Some(5)));
        let mut seen = 0;
        edits.origins(|_, count| seen += count);
        assert_eq!(seen, len);
        assert!(!edits.splices(|_| {}), "so many splices are longer than the list");
        edits.reset(len);
        assert!(edits.is_clean() && edits.splices(|_| panic!("nothing was edited")));
    }

    #[test]
    fn what_is_swapped_where_runs_become_too_many_is_not_lost() {
        // Neither in one piece nor in another one of the swap.
        for runs in MOST_RUNS - 6..=MOST_RUNS {
            let len = 4 * runs;
            let mut edits = Edits::default();
            edits.reset(len);
            let stays: Vec<bool> = (0..len).map(|at| at % 4 != 3).collect();
            edits.retain(&stays);
            let mut origins: Vec<usize> = (0..len).filter(|at| at % 4 != 3).collect();
            for (left, right) in [(1, 5), (7, 10), (13, 13), (16, 17)] {
                edits.swap(left, right);
                origins.swap(left, right);
            }
            let mut found = Vec::new();
            edits.origins(|from, count| found.extend(from.into_iter().flat_map(|from| from..from + count)));
            assert_eq!(found, origins, "{runs} runs");
        }
    }

    #[derive(Clone, Debug)]
    enum Op {
        Insert(usize, usize),
        Remove(usize, usize),
        Replace(usize),
        Swap(usize, usize),
        Retain(Vec<bool>),
        Rotate(usize),
    }

    fn ops() -> impl Strategy<Value = Op> {
        let at = || 0..40usize;
        prop_oneof![
            4 => (at(), 0..4usize).prop_map(|(at, count)| Op::Insert(at, count)),
            4 => (at(), 0..6usize).prop_map(|(at, count)| Op::Remove(at, count)),
            4 => at().prop_map(Op::Replace),
            4 => (at(), at()).prop_map(|(left, right)| Op::Swap(left, right)),
            2 => vec(any::<bool>(), 1..7).prop_map(Op::Retain),
            // From here on they are noted item by item.
            1 => at().prop_map(Op::Rotate),
        ]
    }

    /// Makes the edit in both; `origins` says of each item where it was.
    fn play(op: Op, edits: &mut Edits, origins: &mut Vec<Option<usize>>) {
        let len = origins.len();
        match op {
            Op::Insert(at, count) => {
                let at = at % (len + 1);
                edits.insert(at, count);
                origins.splice(at..at, std::iter::repeat_n(None, count));
            }
            Op::Retain(pattern) => {
                let stays: Vec<bool> = pattern.iter().copied().cycle().take(len).collect();
                edits.retain(&stays);
                let mut stays = stays.iter();
                origins.retain(|_| *stays.next().unwrap());
            }
            _ if len == 0 => {}
            Op::Remove(at, count) => {
                let at = at % len;
                let range = at..len.min(at + count);
                edits.remove(range.clone());
                origins.drain(range);
            }
            Op::Replace(at) => {
                edits.replace(at % len);
                origins[at % len] = None;
            }
            Op::Swap(left, right) => {
                edits.swap(left % len, right % len);
                origins.swap(left % len, right % len);
            }
            Op::Rotate(by) => {
                let mut order: Vec<usize> = (0..len).collect();
                order.rotate_left(by % len);
                edits.permute(&order);
                origins.rotate_left(by % len);
            }
        }
    }

    proptest! {
        #[test]
        fn any_edits_tell_where_every_item_was_and_what_leads_there(
            base in 0..40usize,
            ops in vec(ops(), 1..12),
        ) {
            let mut edits = Edits::default();
            edits.reset(base);
            let mut origins: Vec<Option<usize>> = (0..base).map(Some).collect();
            for op in ops {
                play(op, &mut edits, &mut origins);
                let found: Vec<Option<usize>> = (0..origins.len()).map(|at| edits.origin(at)).collect();
                prop_assert_eq!(&found, &origins);
                prop_assert!(edits.runs.windows(2).all(|pair| !pair[0].meets(pair[1])), "{:?}", edits.runs);
            }
            let mut made: Vec<Option<usize>> = (0..base).map(Some).collect();
            let told = edits.splices(|Splice { index, base, removed, inserted }| {
                assert!(removed == 0 || made[index] == Some(base), "{index} {base}: {made:?}");
                made.splice(index..index + removed, std::iter::repeat_n(None, inserted));
            });
            prop_assert!(told);
            prop_assert_eq!(made.len(), origins.len());
            for (made, origin) in made.iter().zip(&origins) {
                prop_assert!(made.is_none() || made == origin, "{:?} stands where {:?} belongs", made, origin);
            }
        }
    }
}
