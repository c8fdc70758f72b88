//! Whether `rateParams` says anything, and each limit something of its own.

use crate::check::headers;
use crate::{Diagnostic, RateParams};

/// Checks `rateParams`, if there are any, in the attributes at `at`.
pub(super) fn check(params: Option<&RateParams>, at: &str, out: &mut Vec<Diagnostic>) {
    let Some(params) = params else {
        return;
    };
    let at = format!("{at}/rateParams");
    let named = params.headers();
    let given: Vec<(&str, u64)> = params
        .limits()
        .into_iter()
        .filter_map(|(key, limit)| Some((key, limit?)))
        .collect();
    if given.is_empty() && named.iter().all(|(_, name)| name.is_none()) {
        let message = "there is no limit in it, and no header";
        let hint = "such as `\"requestsPerMinute\": 100`";
        out.push(Diagnostic::error("E-rate", at.as_str(), message).with_hint(hint));
    }
    for (key, name) in named {
        if let Some(name) = name {
            headers::check_name(name, &format!("{at}/{key}"), out);
        }
    }
    for (index, (key, limit)) in given.iter().enumerate() {
        let mut longer = given.iter().skip(index + 1);
        if let Some((other, all)) = longer.find(|(_, all)| all <= limit) {
            let message = format!("`{key}` has no effect: `{other}` allows only {all} anyway");
            out.push(Diagnostic::lint("L-rate", format!("{at}/{key}"), message));
        }
    }
}
