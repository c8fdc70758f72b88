//! Where something happened, as it may be shown: never with the query.

use tapline_core::Redactor;
use url::Url;

/// Origin and path of `url`, without secrets.
pub(crate) fn place(redactor: &Redactor, url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    redactor.url(&url)
}
