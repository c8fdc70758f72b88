//! The paths looked for on a page, merged so that one walk finds them all.

use tapline_expr::Step;

/// What to do with a value, and where to look inside it.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    children: Vec<(Step, Node)>,
    /// Which of the wanted values this is.
    pub(super) values: Vec<usize>,
    /// Whether this is the content.
    pub(super) content: bool,
    /// Whether the content is a member of this, and the other members are wanted.
    pub(super) around_content: bool,
}

impl Node {
    pub(super) fn want_value(&mut self, steps: &[Step], index: usize) {
        match steps {
            [] => self.values.push(index),
            [first, rest @ ..] => self.child(first).want_value(rest, index),
        }
    }

    pub(super) fn want_content(&mut self, steps: &[Step], siblings: bool) {
        match steps {
            [] => self.content = true,
            [first, rest @ ..] => {
                self.around_content = siblings && rest.is_empty() && matches!(first, Step::Key(_));
                self.child(first).want_content(rest, siblings);
            }
        }
    }

    fn child(&mut self, step: &Step) -> &mut Self {
        let known = self.children.iter().position(|(own, _)| own == step);
        let at = known.unwrap_or_else(|| {
            self.children.push((step.clone(), Self::default()));
            self.children.len() - 1
        });
        &mut self.children[at].1
    }

    pub(super) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    pub(super) fn has_keys(&self) -> bool {
        let keys = |(step, _): &(Step, Self)| matches!(step, Step::Key(_));
        self.children.iter().any(keys)
    }

    pub(super) fn has_indices(&self) -> bool {
        let indices = |(step, _): &(Step, Self)| matches!(step, Step::Index(_));
        self.children.iter().any(indices)
    }

    pub(super) fn key(&self, name: &str) -> Option<&Self> {
        let matching = |step: &Step| matches!(step, Step::Key(key) if key == name);
        self.find(matching)
    }

    pub(super) fn index(&self, at: usize) -> Option<&Self> {
        self.find(|step| *step == Step::Index(at))
    }

    fn find(&self, matching: impl Fn(&Step) -> bool) -> Option<&Self> {
        let child = self.children.iter().find(|(step, _)| matching(step))?;
        Some(&child.1)
    }
}
