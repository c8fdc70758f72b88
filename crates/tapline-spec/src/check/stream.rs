//! Whether one stream says everything that is needed to read it.

use serde_json::Value;

use crate::check::texts::Names;
use crate::check::{content, headers, paging, schemas};
use crate::{ConnectorDocument, Diagnostic, RequestMethod, SourceSpec, UrlParams};

pub(super) fn check(
    document: &ConnectorDocument,
    source: &SourceSpec,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    schemas::check(&source.spec, &format!("{at}/spec"), out);
    let names = Names::of(document, source);
    let attributes = &source.attributes;
    let at = format!("{at}/attributes");
    match &attributes.url_params {
        Some(url) => check_url(
            url,
            &names,
            document.is_fragment(),
            &format!("{at}/urlParams"),
            out,
        ),
        None if source.is_generic() => return,
        None => out.push(crate::judge::missing(&at, "urlParams")),
    }
    let header_params = Value::Object(attributes.header_params.clone());
    names.check(&header_params, &format!("{at}/headerParams"), out);
    headers::check(
        &attributes.header_params,
        &format!("{at}/headerParams"),
        out,
    );
    if let Some(body) = &attributes.body_params {
        names.check(body, &format!("{at}/bodyParams"), out);
        check_body(
            attributes.url_params.as_ref(),
            &format!("{at}/bodyParams"),
            out,
        );
    }
    content::check(attributes, &at, out);
    match &attributes.pagination_params {
        Some(params) => paging::check(params, &format!("{at}/paginationParams"), out),
        None => out.push(Diagnostic::lint(
            "L-no-pagination",
            at,
            "there are no `paginationParams`, so one response is read",
        )),
    }
}

fn check_url(
    url: &UrlParams,
    names: &Names<'_>,
    is_fragment: bool,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    match &url.host {
        Some(host) => check_host(host, names, &format!("{at}/host"), out),
        // Adobe lets the host be a parameter; a fragment gets it from its connection.
        None if names.declares_host() => {}
        None if is_fragment => out.push(Diagnostic::lint(
            "L-no-host",
            at,
            "there is no `host`; the connection must give it",
        )),
        None => out.push(
            Diagnostic::error("E-missing-key", at, "`urlParams` lacks the key `host`")
                .with_hint("write it, or declare the parameter `host`"),
        ),
    }
    let path_at = format!("{at}/path");
    names.check_text(&url.path, &path_at, out);
    if url.path.starts_with("//") || url.path.contains("://") {
        let message = format!("the path `{}` names a host of its own", url.path);
        out.push(
            Diagnostic::error("E-path", path_at, message).with_hint("put it into `urlParams.host`"),
        );
    }
    let query = Value::Object(url.query_params.clone());
    names.check(&query, &format!("{at}/queryParams"), out);
}

fn check_host(host: &str, names: &Names<'_>, at: &str, out: &mut Vec<Diagnostic>) {
    names.check_text(host, at, out);
    if !["http://", "https://", "${"]
        .iter()
        .any(|start| host.starts_with(start))
    {
        let message = format!("the host `{host}` has no scheme");
        out.push(
            Diagnostic::error("E-host", at, message).with_hint(format!("write `https://{host}`")),
        );
    }
}

fn check_body(url: Option<&UrlParams>, at: &str, out: &mut Vec<Diagnostic>) {
    if url.is_some_and(|url| url.method == RequestMethod::Get) {
        out.push(
            Diagnostic::lint(
                "L-get-body",
                at,
                "a GET has no body, so `bodyParams` is not sent",
            )
            .with_hint("did you mean `method`: `POST`?"),
        );
    }
}
