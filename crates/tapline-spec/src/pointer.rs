//! JSON pointers (RFC 6901), built and taken apart.

/// `pointer` extended by one key or index.
pub(crate) fn join(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// The steps of `pointer`, unescaped.
pub(crate) fn steps(pointer: &str) -> impl Iterator<Item = String> {
    pointer
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
}

/// The last step, which names what `pointer` leads to; `None` for the whole document.
pub(crate) fn last(pointer: &str) -> Option<String> {
    steps(pointer).last()
}
